//! Nodes with a local cache.

use std::time::Duration;

use token_core::spi::TokenStore;
use token_core::{Issued, Prefix, Requirement, Revocation, TokenService, Verdict};
use token_redis::{CacheStatus, LocalCache, RedisStore};

use crate::kit::{Tokens, keys, until};

/// So long that no entry expires by its age during a test.
pub(crate) const AGES: Duration = LocalCache::LONGEST;

/// A node with a cache of this maximum age, whose subscriptions are active on return.
pub(crate) async fn caching(url: &str, age: Duration) -> Tokens {
    caching_with(url, LocalCache::default().max_age(age)).await
}

pub(crate) async fn caching_with(url: &str, cache: LocalCache) -> Tokens {
    let store = RedisStore::builder().local_cache(cache).connect(url, keys()).await.unwrap();
    let tokens = TokenService::new(store, Prefix::default());
    until_heard(&tokens).await;
    tokens
}

/// Waits until the node receives revocations of all partitions.
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

/// Revokes all tokens of this token's subject.
pub(crate) async fn revoke_all(tokens: &Tokens, issued: &Issued) {
    let done = tokens.store().revoke_subject(&issued.grant.subject, &Revocation::default()).await.unwrap();
    assert!(done.outcome.contains(&issued.grant.id));
}
