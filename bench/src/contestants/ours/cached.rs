//! The store with its local cache: hits, misses, and a mixture.

use std::sync::Arc;

use token_core::{KeyRing, Prefix, Requirement, TokenService};
use token_redis::{LocalCache, RedisStore};

use super::Ours;
use crate::arena::{Arena, issue, sliding};
use crate::contest::{Contestant, Entry};
use crate::outcome::Outcome;

/// The number of busy tokens.
const BUSY: usize = 100;
/// In the mixture, one of this many uses is of another token.
const ONE_IN: usize = 10;

/// `ours/cached-hit`, `ours/cached-90`, `ours/cached-miss`.
pub(super) async fn enter(arena: &Arena, wanted: &dyn Fn(&str) -> bool) -> Outcome<Vec<Entry>> {
    let mut entries = Vec::new();
    let room = |entries| LocalCache::default().max_entries(entries);
    for (name, about, cache, share) in [
        (
            "ours/cached-hit",
            "as `ours/sliding`, with a local cache: uses of 100 tokens, each validated at Redis once a second",
            room(2 * BUSY),
            Share::All,
        ),
        (
            "ours/cached-90",
            "the same, with room for 200 tokens: one use in ten is of another token, out of all tokens",
            room(2 * BUSY),
            Share::Most,
        ),
        (
            "ours/cached-miss",
            "the same, with room for one token: every use is validated at Redis",
            room(1),
            Share::None,
        ),
    ] {
        if wanted(name) {
            let ours = ours(arena, cache).await?;
            entries.push(Entry::new(name, about, Cached { ours, share }));
        }
    }
    Ok(entries)
}

async fn ours(arena: &Arena, cache: LocalCache) -> Outcome<Ours<RedisStore>> {
    let keys = Arc::new(KeyRing::public());
    let store = RedisStore::builder().local_cache(cache).connect(&arena.server.url(), keys).await?;
    let tokens = TokenService::new(store, Prefix::default());
    let texts = issue(&tokens, sliding()?, arena.tokens).await?;
    Ok(Ours { tokens, texts, requirement: Requirement::any() })
}

/// The share of uses of busy tokens.
enum Share {
    All,
    Most,
    None,
}

struct Cached {
    ours: Ours<RedisStore>,
    share: Share,
}

impl Contestant for Cached {
    async fn validate(&self, number: usize) -> Outcome<()> {
        let number = match self.share {
            Share::None => number,
            Share::Most if number.is_multiple_of(ONE_IN) => number / ONE_IN,
            Share::Most | Share::All => number % BUSY,
        };
        self.ours.validate(number).await
    }
}
