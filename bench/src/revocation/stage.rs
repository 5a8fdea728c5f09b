//! Nodes that use tokens continuously, and a revoker that revokes one after the other.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures_util::{StreamExt, TryStreamExt, stream};
use token_core::spi::TokenStore;
use token_core::{KeyRing, Prefix, Requirement, Revocation, TokenId, TokenService};
use token_redis::{LocalCache, Options, RedisStore};
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::history::{Answer, Clock, Journal, Revoked, Use};
use crate::arena::{request, service, sliding};
use crate::outcome::{Outcome, failure};

/// The longest time that a revoked token may be accepted.
pub(crate) const BOUND: Duration = Duration::from_secs(1);
/// The time between two revocations.
pub(crate) const PACE: Duration = Duration::from_millis(50);
/// How many tokens are in use, so that each is used for more than [`BOUND`] on some nodes before it is revoked.
const IN_USE: usize = 24;
/// How many callers use a token on a node at once: some share a call, as in a real service.
const CALLERS: usize = 2;
/// The pause between two uses by the same caller, and after a refusal.
const PAUSE: Duration = Duration::from_millis(10);
const LONG_PAUSE: Duration = Duration::from_millis(200);
/// How long a token is used after its revocation.
const TAIL: u64 = 2_500_000_000;
/// How often an unacknowledged revocation is tried.
const ATTEMPTS: usize = 5;

/// A token that is used, then revoked.
struct Subject {
    text: Box<str>,
    id: TokenId,
    /// The end of all uses.
    end: AtomicU64,
}

/// A node with a cache, and its history.
pub(crate) struct Node {
    tokens: TokenService<RedisStore>,
    pub(crate) journal: Journal,
}

/// All participants of the measurement.
pub(crate) struct Stage {
    clock: Clock,
    pub(crate) nodes: Vec<Arc<Node>>,
    subjects: Vec<Arc<Subject>>,
    /// A store without a cache.
    revoker: TokenService<RedisStore>,
    over: AtomicBool,
}

impl Stage {
    /// Nodes at these URLs, and tokens for a measurement of this length. The revoker uses `url`.
    pub(crate) async fn set(url: &str, nodes: &[String], length: Duration) -> Outcome<Self> {
        let revoker = service(url, KeyRing::public()).await?;
        let count = length.as_millis().div_ceil(PACE.as_millis()) as usize + IN_USE;
        let subjects = stream::iter(0..count).map(|number| issue(&revoker, number));
        let subjects = subjects.buffered(16).try_collect().await?;
        let nodes = stream::iter(nodes).then(|url| Node::at(url)).try_collect().await?;
        Ok(Self { clock: Clock::start(), nodes, subjects, revoker, over: AtomicBool::new(false) })
    }

    /// Stops the revocations.
    pub(crate) fn end(&self) {
        self.over.store(true, Ordering::Relaxed);
    }

    /// Uses and revokes tokens until the end. After that the journals are complete.
    pub(crate) async fn play(&self) -> Outcome<Vec<Revoked>> {
        let mut callers = JoinSet::new();
        let mut waiting = self.subjects.iter().enumerate();
        for (token, subject) in waiting.by_ref().take(IN_USE) {
            self.put_in_use(&mut callers, token, subject);
        }
        sleep(BOUND).await;
        let mut revoked = Vec::new();
        for (token, subject) in self.subjects.iter().enumerate() {
            if self.over.load(Ordering::Relaxed) {
                break;
            }
            revoked.extend(self.revoke(token, subject).await?);
            if let Some((token, subject)) = waiting.next() {
                self.put_in_use(&mut callers, token, subject);
            }
            sleep(PACE).await;
        }
        // The tokens that were not revoked.
        self.subjects
            .iter()
            .for_each(|subject| _ = subject.end.fetch_min(self.clock.now() + TAIL, Ordering::Relaxed));
        while let Some(caller) = callers.join_next().await {
            caller?;
        }
        Ok(revoked)
    }

    fn put_in_use(&self, callers: &mut JoinSet<()>, token: usize, subject: &Arc<Subject>) {
        for (number, node) in self.nodes.iter().enumerate() {
            for _ in 0..CALLERS {
                let uses = use_until_the_end(self.clock, node.clone(), token, subject.clone());
                callers.spawn(async move {
                    sleep(first_use(number, token)).await;
                    uses.await;
                });
            }
        }
    }

    /// Tries until the revocation is confirmed; `None` if it never is: then it has no promise to check.
    async fn revoke(&self, token: usize, subject: &Subject) -> Outcome<Option<Revoked>> {
        let mut acknowledged = None;
        for _ in 0..ATTEMPTS {
            match self.revoker.store().revoke(subject.id, &Revocation::default()).await {
                Ok(change) if change.confirmation.is_confirmed() => {
                    acknowledged = Some(self.clock.now());
                    break;
                }
                Err(error) if !error.is_retryable() => return Err(error.into()),
                _ => sleep(PAUSE).await,
            }
        }
        subject.end.store(self.clock.now() + TAIL, Ordering::Relaxed);
        Ok(acknowledged.map(|acknowledged| Revoked { token, acknowledged }))
    }
}

/// Nodes use a token for the first time at different times, so that cache entries have different ages at its revocation.
fn first_use(node: usize, token: usize) -> Duration {
    const STEPS: u32 = 16;
    BOUND * ((5 * node + 3 * token) as u32 % STEPS) / STEPS
}

/// Issues a token to a separate user, so that no other revocation affects its cache entries.
async fn issue(tokens: &TokenService<RedisStore>, number: usize) -> Outcome<Arc<Subject>> {
    let issued = tokens.issue(&request(number, sliding()?)?).await?;
    let text = Box::from(issued.token.expose_secret());
    Ok(Arc::new(Subject { text, id: issued.grant.id, end: AtomicU64::new(u64::MAX) }))
}

async fn use_until_the_end(clock: Clock, node: Arc<Node>, token: usize, subject: Arc<Subject>) {
    loop {
        let asked = clock.now();
        if asked > subject.end.load(Ordering::Relaxed) {
            return;
        }
        let answer = node.ask(&subject.text).await;
        node.journal.note(Use { token, asked, answered: clock.now(), answer });
        sleep(if answer == Answer::Refused { LONG_PAUSE } else { PAUSE }).await;
    }
}

impl Node {
    /// Opens a node, whose subscriptions are active on return.
    async fn at(url: &str) -> Outcome<Arc<Self>> {
        let mut options = Options::default();
        options.local_cache = Some(LocalCache::default().max_age(BOUND));
        let store = RedisStore::connect(url, Arc::new(KeyRing::public()), options).await?;
        let node = Self { tokens: TokenService::new(store, Prefix::default()), journal: Journal::default() };
        let start = Instant::now();
        while node.heard() < usize::from(token_core::spi::PARTITIONS) {
            if start.elapsed() > Duration::from_secs(30) {
                return Err(failure(format!("a node hears of {} partitions only", node.heard())));
            }
            sleep(PAUSE).await;
        }
        Ok(Arc::new(node))
    }

    fn heard(&self) -> usize {
        self.tokens.store().cache_status().map_or(0, |status| status.partitions_heard)
    }

    async fn ask(&self, text: &str) -> Answer {
        match self.tokens.validate(text, &Requirement::any()).await {
            Ok(verdict) if verdict.grant().is_some() => Answer::Accepted,
            Ok(_) => Answer::Refused,
            Err(_) => Answer::NotKnown,
        }
    }
}
