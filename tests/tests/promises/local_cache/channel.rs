//! The channel of revocations when it is cut, stalls or comes back.

use std::time::{Duration, Instant};

use token_core::{Issued, Lifetime, Requirement, StoreErrorKind};
use token_tests::servers::{Proxy, Standalone};

use super::kit::{AGES, caching, is_active, status, until_heard, verdict};
use crate::kit::{Tokens, issue, revoke, span, tokens_at, until};

/// A node behind a proxy, and one with a direct connection.
async fn nodes(age: Duration) -> (Standalone, Proxy, Tokens, Tokens) {
    let server = Standalone::start().await;
    let proxy = Proxy::to(server.port()).await;
    let node = caching(&format!("redis://127.0.0.1:{}", proxy.port()), age).await;
    let elsewhere = tokens_at(&server.url()).await;
    (server, proxy, node, elsewhere)
}

/// Asserts that the store could not answer, with a retryable error.
async fn assert_unanswered(node: &Tokens, issued: &Issued) {
    let error = node.validate(issued.token.expose_secret(), &Requirement::any()).await.unwrap_err();
    let kinds = [StoreErrorKind::Unavailable, StoreErrorKind::TimedOut];
    assert!(kinds.contains(&error.kind()) && error.is_retryable(), "{error:?}");
}

/// It returns an error instead of cached answers.
#[tokio::test]
async fn a_node_that_is_cut_off_answers_nothing() {
    let (_server, proxy, node, elsewhere) = nodes(AGES).await;
    let issued = issue(&elsewhere, "ada", Lifetime::sliding(span("10m"))).await;
    assert!(is_active(&node, issued.token.expose_secret()).await);
    proxy.cut().await;
    until(async || status(&node).partitions_heard == 0).await;
    assert_unanswered(&node, &issued).await;
}

#[tokio::test]
async fn a_reconnected_node_asks_the_store_for_every_token() {
    let (server, proxy, node, elsewhere) = nodes(AGES).await;
    let issued = issue(&elsewhere, "ada", Lifetime::sliding(span("10m"))).await;
    assert!(is_active(&node, issued.token.expose_secret()).await);
    proxy.cut().await;
    until(async || status(&node).partitions_heard == 0).await;
    revoke(&elsewhere, &issued).await;
    proxy.heal().await;
    until_heard(&node).await;
    assert!(verdict(&node, issued.token.expose_secret()).await.grant().is_none());
    drop(server);
}

/// Messages stop arriving without notice.
#[tokio::test]
async fn a_revoked_token_is_refused_in_time_on_a_stalled_channel() {
    let age = Duration::from_millis(300);
    let (_server, proxy, node, elsewhere) = nodes(age).await;
    let issued = issue(&elsewhere, "ada", Lifetime::sliding(span("10m"))).await;
    let text = issued.token.expose_secret();
    assert!(is_active(&node, text).await);
    proxy.stall();
    revoke(&elsewhere, &issued).await;
    let acknowledged = Instant::now();
    until(async || {
        let asked = Instant::now();
        let active =
            node.validate(text, &Requirement::any()).await.is_ok_and(|verdict| verdict.grant().is_some());
        assert!(!active || asked < acknowledged + age, "later than it may be");
        asked > acknowledged + 2 * age
    })
    .await;
}

/// The leases run out, because the server does not answer probes any more.
#[tokio::test]
async fn a_server_that_hangs_invalidates_the_cache() {
    let age = Duration::from_millis(300);
    let server = Standalone::start().await;
    let node = caching(&server.url(), age).await;
    let issued = issue(&node, "ada", Lifetime::sliding(span("10m"))).await;
    assert!(is_active(&node, issued.token.expose_secret()).await);
    server.pause();
    until(async || status(&node).partitions_heard == 0).await;
    assert_unanswered(&node, &issued).await;
    server.resume();
    until_heard(&node).await;
    assert!(is_active(&node, issued.token.expose_secret()).await);
}
