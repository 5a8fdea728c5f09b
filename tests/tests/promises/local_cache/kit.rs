//! Nodes with a local cache.

use std::time::Duration;

use token_core::spi::TokenStore;
use token_core::{Issued, Prefix, Requirement, Revocation, TokenService, Verdict};
use token_redis::{CacheStatus, LocalCache, RedisStore};

use crate::kit::{Tokens, keys, until};

/// So long that nothing ends by its age while a test runs.
pub(crate) const AGES: Duration = LocalCache::LONGEST;

/// A node that answers for so long without asking. It is heard of when this returns.
pub(crate) async fn caching(url: &str, age: Duration) -> Tokens {
    caching_with(url, LocalCache::default().max_age(age)).await
}

pub(crate) async fn caching_with(url: &str, cache: LocalCache) -> Tokens {
    let store = RedisStore::builder().local_cache(cache).connect(url, keys()).await.unwrap();
    let tokens = TokenService::new(store, Prefix::default());
    until_heard(&tokens).await;
    tokens
}

/// Waits until revocations of all partitions are heard.
pub(crate) async fn until_heard(tokens: &Tokens) {
    until(|| async { status(tokens).partitions_heard == 1024 }).await;
}

pub(crate) fn status(tokens: &Tokens) -> CacheStatus {
    tokens.store().cache_status().unwrap()
}

pub(crate) async fn verdict(tokens: &Tokens, text: &str) -> Verdict {
    tokens.validate(text, &Requirement::any()).await.unwrap()
}

pub(crate) async fn is_active(tokens: &Tokens, text: &str) -> bool {
    verdict(tokens, text).await.grant().is_some()
}

/// Revokes all tokens of whoever this one is of.
pub(crate) async fn revoke_all(tokens: &Tokens, issued: &Issued) {
    let done = tokens.store().revoke_subject(&issued.grant.subject, &Revocation::default()).await.unwrap();
    assert!(done.outcome.contains(&issued.grant.id));
}
