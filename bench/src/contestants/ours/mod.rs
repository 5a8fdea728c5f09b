//! The stores of this workspace.

mod cached;
mod many;

use std::sync::Arc;

use token_core::spi::{MemoryStore, TokenStore};
use token_core::{KeyRing, Lifetime, Prefix, Requirement, TokenService, Verdict, new_key_file, os_rng};

use super::pick;
use crate::arena::{Arena, Texts, capped, hard, issue, sliding};
use crate::contest::{Contestant, Entry};
use crate::outcome::{Outcome, failure};

/// `ours/hard`, `ours/sliding`, `ours/capped`.
pub(crate) async fn enter(arena: &Arena, wanted: &dyn Fn(&str) -> bool) -> Outcome<Vec<Entry>> {
    let mut entries = Vec::new();
    for (name, about, lifetime) in [
        (
            "ours/hard",
            "`RedisStore`, `TokenService::validate` of a token with a hard expiry; the built-in public key",
            hard()?,
        ),
        ("ours/sliding", "the same with tokens that every use renews", sliding()?),
        ("ours/capped", "the same with tokens that every use renews up to a cap", capped()?),
    ] {
        if !wanted(name) {
            continue;
        }
        let tokens = arena.store(KeyRing::public()).await?;
        let texts = issue(&tokens, lifetime, arena.tokens).await?;
        entries.push(Entry::new(name, about, Ours { tokens, texts, requirement: Requirement::any() }));
    }
    Ok(entries)
}

/// `ours/keyed`, `ours/memory`, and the rows of [`cached`] and [`many`].
pub(crate) async fn enter_more(arena: &Arena, wanted: &dyn Fn(&str) -> bool) -> Outcome<Vec<Entry>> {
    let mut entries = Vec::new();
    if wanted("ours/keyed") {
        let tokens = arena.store(ring()?).await?;
        let texts = issue(&tokens, sliding()?, arena.tokens).await?;
        let about = "as `ours/sliding`, with a key file";
        entries.push(Entry::new(
            "ours/keyed",
            about,
            Ours { tokens, texts, requirement: Requirement::any() },
        ));
    }
    entries.extend(cached::enter(arena, wanted).await?);
    if wanted("ours/validate-many") {
        entries.push(many::enter(arena).await?);
    }
    if wanted("ours/memory") {
        let store = MemoryStore::new(Arc::new(KeyRing::public()));
        let about = "`MemoryStore`, no Redis: the cost without I/O, behind one lock";
        entries.push(local("ours/memory", about, store, sliding()?, arena.tokens).await?);
    }
    Ok(entries)
}

/// A key ring from a key file.
pub(crate) fn ring() -> Outcome<KeyRing> {
    Ok(KeyRing::parse(&key_file()?)?)
}

/// The text of a new key file.
pub(crate) fn key_file() -> Outcome<String> {
    Ok(new_key_file(&mut os_rng()?).to_string())
}

async fn local<S: TokenStore + 'static>(
    name: &'static str,
    about: &'static str,
    store: S,
    lifetime: Lifetime,
    count: usize,
) -> Outcome<Entry> {
    let tokens = TokenService::new(store, Prefix::default());
    let texts = issue(&tokens, lifetime, count).await?;
    Ok(Entry::new(name, about, Ours { tokens, texts, requirement: Requirement::any() }))
}

pub(crate) struct Ours<S> {
    pub(crate) tokens: TokenService<S>,
    pub(crate) texts: Texts,
    pub(crate) requirement: Requirement,
}

impl<S: TokenStore + 'static> Contestant for Ours<S> {
    async fn validate(&self, number: usize) -> Outcome<()> {
        match self.tokens.validate(pick(&self.texts, number)?, &self.requirement).await? {
            Verdict::Active(_) => Ok(()),
            Verdict::Inactive(reason) => Err(failure(reason.to_string())),
        }
    }
}
