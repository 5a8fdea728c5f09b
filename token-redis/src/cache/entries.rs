//! The cached entries of tokens, bounded in number and in bytes.

use std::sync::Arc;

use quick_cache::Weighter;
use quick_cache::sync::Cache;
use token_core::{Access, Grant, TokenId};

use super::leases::Generation;
use super::settings::LocalCache;

/// The approximate size of an entry without its texts: itself, and its slot in the map.
const FRAME: usize = size_of::<Entry>() + size_of::<Grant>() + 112;

/// Entries by token. Entries in use stay longest.
pub(super) struct Entries(Cache<TokenId, Entry, Weight>);

/// What the cache knows about a token. A clone shares the grant.
#[derive(Clone)]
pub(super) struct Entry {
    pub(super) what: Held,
    /// When it expires, by the clock of the cache.
    pub(super) until: u64,
    pub(super) generation: Generation,
}

/// Live or revoked.
#[derive(Clone)]
pub(super) enum Held {
    Live(Arc<Grant>),
    Revoked,
}

impl Entries {
    pub(super) fn new(settings: LocalCache) -> Self {
        let (entries, bytes) = (settings.entries(), settings.bytes());
        // Each entry weighs at least its share of the bytes, so that the bound on bytes also bounds the number of entries.
        let weight = Weight { least: (bytes / entries).max(1) as u64 };
        Self(Cache::with_weighter(entries, bytes as u64, weight))
    }

    pub(super) fn get(&self, id: TokenId) -> Option<Entry> {
        self.0.get(&id)
    }

    pub(super) fn put(&self, id: TokenId, what: Held, until: u64, generation: Generation) {
        self.0.insert(id, Entry { what, until, generation });
    }

    /// How many entries there are, including those that are not valid any more.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

impl Entry {
    /// The approximate number of bytes of an entry.
    pub(super) fn size(&self) -> usize {
        match &self.what {
            Held::Live(grant) => FRAME + texts(grant),
            Held::Revoked => FRAME,
        }
    }
}

#[derive(Clone)]
struct Weight {
    least: u64,
}

impl Weighter<TokenId, Entry> for Weight {
    fn weight(&self, _: &TokenId, entry: &Entry) -> u64 {
        self.least.max(entry.size() as u64)
    }
}

fn texts(grant: &Grant) -> usize {
    let names = [
        Some(grant.subject.as_str()),
        grant.label.as_ref().map(|label| label.as_str()),
        grant.issuer.as_ref().map(|issuer| issuer.as_str()),
    ];
    let names: usize = names.into_iter().flatten().map(|name| name.len() + 16).sum();
    let scopes = match &grant.access {
        Access::Full => 0,
        Access::Restricted(scopes) => 16 + scopes.iter().len() * size_of::<token_core::Scope>(),
    };
    names + scopes
}
