//! Uses that the local cache of a store answers, from the parsed token to the verdict.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use token_core::spi::TokenStore;
use token_core::{KeyRing, Mode, ParsedToken, Prefix, Requirement, TokenService, Verdict};
use token_redis::{LocalCache, RedisStore};

use crate::arena::{Arena, issue, sliding};
use crate::outcome::{Outcome, failure};

const TOKENS: usize = 100;
/// A cache age longer than the measurement, so that no token is validated twice at the server.
const AGE: Duration = LocalCache::LONGEST;

/// A store with all of its tokens in the cache.
pub(super) struct Hits {
    store: RedisStore,
    tokens: Vec<ParsedToken>,
    requirement: Requirement,
    missed: AtomicUsize,
    _arena: Arena,
}

impl Hits {
    pub(super) async fn open() -> Outcome<Self> {
        let arena = Arena::open(TOKENS).await;
        let cache = LocalCache::default().max_age(AGE);
        let keys = Arc::new(KeyRing::public());
        let store = RedisStore::builder().local_cache(cache).connect(&arena.server.url(), keys).await?;
        let service = TokenService::new(store, Prefix::default());
        let texts = issue(&service, sliding()?, TOKENS).await?;
        let tokens = texts.iter().map(|text| service.parse(text)).collect::<Result<_, _>>()?;
        let (store, missed) = (service.into_store(), AtomicUsize::new(0));
        Ok(Self { store, tokens, requirement: Requirement::any(), missed, _arena: arena })
    }

    /// Validates each token until all are in the cache.
    pub(super) async fn warm(&self) -> Outcome<()> {
        for _ in 0..100 {
            for token in &self.tokens {
                self.store.validate(*token, &self.requirement, Mode::Use).await?;
            }
            self.missed.store(0, Ordering::Relaxed);
            (0..TOKENS).for_each(|number| self.hit(number));
            if self.missed.load(Ordering::Relaxed) == 0 {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Err(failure("the cache does not come to know its tokens"))
    }

    pub(super) fn hit(&self, number: usize) {
        let Some(token) = self.tokens.get(number % TOKENS) else { return };
        let verdict = self.store.validate(*token, &self.requirement, Mode::Use).now_or_never();
        if !matches!(verdict, Some(Ok(Verdict::Active(_)))) {
            self.missed.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The time that two threads take together for this many uses.
    pub(super) fn by_two(&self, uses: u64) -> Duration {
        let half = usize::try_from(uses / 2).unwrap_or(usize::MAX);
        let began = Instant::now();
        std::thread::scope(|scope| {
            for first in [0, TOKENS / 2] {
                scope.spawn(move || (first..first + half).for_each(|number| self.hit(number)));
            }
        });
        began.elapsed()
    }

    /// Fails if any measured use was not a hit.
    pub(super) fn all_were(&self) -> Outcome<()> {
        match self.missed.load(Ordering::Relaxed) {
            0 => Ok(()),
            missed => Err(failure(format!("{missed} uses were not answered by the cache"))),
        }
    }
}
