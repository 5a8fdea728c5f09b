//! P7: "could not find out" is an error. It is neither "no" nor "yes", and it comes by the deadline.

use std::time::Duration;

use token_core::spi::TokenStore;
use token_core::{Lifetime, Prefix, Requirement, Revocation, StoreErrorKind, TokenService};
use token_redis::{Options, RedisStore};
use token_tests::servers::Standalone;

use crate::kit::{Tokens, hasty_tokens_at, issue, keys, span, tokens_at};

/// Longer than every deadline: an operation that is still under way then has none.
const HANGS: Duration = Duration::from_secs(15);

async fn in_time<T>(operation: impl Future<Output = T>) -> T {
    tokio::time::timeout(HANGS, operation).await.expect("every operation has a deadline")
}

async fn every_operation_fails_with(tokens: &Tokens, text: &str, kinds: &[StoreErrorKind]) {
    let user = "admin".parse().unwrap();
    let id = tokens.parse(text).unwrap().id();
    let store = tokens.store();
    let request = token_core::IssueRequest::new(
        "admin".parse().unwrap(),
        token_core::Access::Full,
        Lifetime::hard(span("1h")),
    );
    let revocation = Revocation::default();
    let failures = [
        in_time(tokens.validate(text, &Requirement::any())).await.unwrap_err(),
        in_time(tokens.peek(text, &Requirement::any())).await.unwrap_err(),
        in_time(tokens.issue(&request)).await.unwrap_err().into_store().unwrap(),
        in_time(store.show(id)).await.unwrap_err(),
        in_time(store.list(&user)).await.unwrap_err(),
        in_time(store.revoke(id, &revocation)).await.unwrap_err(),
        in_time(store.revoke_subject(&user, &revocation)).await.unwrap_err(),
        in_time(store.prune()).await.unwrap_err(),
    ];
    for error in failures {
        assert!(kinds.contains(&error.kind()) && error.is_retryable(), "{error:?}");
    }
}

#[tokio::test]
async fn a_server_that_is_gone_is_an_error_that_can_be_retried() {
    let mut server = Standalone::start().await;
    let tokens = hasty_tokens_at(&server.url()).await;
    let issued = issue(&tokens, "admin", Lifetime::hard(span("1h"))).await;
    server.kill();
    let kinds = [StoreErrorKind::Unavailable, StoreErrorKind::TimedOut];
    every_operation_fails_with(&tokens, issued.token.expose_secret(), &kinds).await;
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_an_error_by_the_deadline() {
    let server = Standalone::start().await;
    let mut options = Options::default();
    options.deadline = Duration::from_secs(2);
    let store = RedisStore::connect(&server.url(), keys(), options).await.unwrap();
    let tokens = TokenService::new(store, Prefix::default());
    let issued = issue(&tokens, "admin", Lifetime::hard(span("1h"))).await;
    server.command::<()>(&["CLIENT", "PAUSE", "600000", "ALL"]).await;
    every_operation_fails_with(&tokens, issued.token.expose_secret(), &[StoreErrorKind::TimedOut]).await;
}

#[tokio::test]
async fn a_missing_server_and_a_wrong_password_are_different_errors() {
    let gone = RedisStore::connect("redis://127.0.0.1:1", keys(), Options::default()).await.unwrap_err();
    assert_eq!(gone.kind(), StoreErrorKind::Unavailable, "{gone}");

    let server = Standalone::start().await;
    server.command::<()>(&["ACL", "SETUSER", "me", "on", ">right", "~*", "+@all"]).await;
    let at = |password: &str| format!("redis://me:{password}@127.0.0.1:{}", server.port());
    tokens_at(&at("right")).await;
    let refused = RedisStore::connect(&at("hidden-wrong"), keys(), Options::default()).await.unwrap_err();
    assert_eq!(refused.kind(), StoreErrorKind::LoginRefused, "{refused}");
    assert!(!format!("{refused}{refused:?}").contains("hidden"), "{refused:?}");
}
