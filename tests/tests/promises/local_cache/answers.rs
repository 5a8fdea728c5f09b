//! Which uses the local cache answers, and which it does not.

use futures_util::future::join_all;
use token_core::spi::{SubjectHash, TokenFormat, TokenStore};
use token_core::{
    Access, IssueRequest, Lifetime, Prefix, RequiredPermission, Requirement, Scope, Scopes, os_rng,
};
use token_redis::LocalCache;
use token_tests::servers::Standalone;

use super::kit::{AGES, caching, caching_with, is_active, status};
use crate::kit::{Deployment, issue, keys, span, tokens_at, until};

#[tokio::test]
async fn a_cached_answer_costs_no_command() {
    for deployment in [Deployment::standalone().await, Deployment::cluster().await] {
        let tokens = caching(&deployment.url(), AGES).await;
        let mut issued = Vec::new();
        for user in ["ada", "bob", "cyd"] {
            issued.push(issue(&tokens, user, Lifetime::sliding(span("10m"))).await);
        }
        for token in &issued {
            assert!(is_active(&tokens, token.token.expose_secret()).await);
        }
        deployment.forget_commands().await;
        for token in issued.iter().cycle().take(300) {
            assert!(is_active(&tokens, token.token.expose_secret()).await);
        }
        assert_eq!(deployment.commands().await.remove("evalsha"), None);
        assert_eq!((status(&tokens).hits, status(&tokens).misses), (300, 3));
    }
}

#[tokio::test]
async fn the_cache_refuses_a_wrong_requirement_without_asking_redis() {
    let deployment = Deployment::standalone().await;
    let tokens = caching(&deployment.url(), AGES).await;
    let held: Scope = "node:6f9619ff-8b86-d011-b42d-00cf4fc964ff:r".parse().unwrap();
    let other: Scope = "node:00000000-0000-0000-0000-000000000001:r".parse().unwrap();
    let access = Access::Restricted(Scopes::new([held]).unwrap());
    let request = IssueRequest::new("ada".parse().unwrap(), access, Lifetime::sliding(span("10m")));
    let issued = tokens.issue(&request).await.unwrap();
    let text = issued.token.expose_secret();
    assert!(is_active(&tokens, text).await);
    deployment.forget_commands().await;
    let active =
        async |requirement: Requirement| tokens.validate(text, &requirement).await.unwrap().grant().is_some();
    assert!(
        active(Requirement::any().subject("ada".parse().unwrap()).permission(RequiredPermission::new(held)))
            .await
    );
    assert!(
        active(Requirement::any().permission(RequiredPermission::new(other).with_ancestors([held.node])))
            .await
    );
    assert!(!active(Requirement::any().subject("bob".parse().unwrap())).await);
    assert!(!active(Requirement::any().permission(RequiredPermission::new(other))).await);
    assert_eq!(deployment.commands().await.remove("evalsha"), None);
}

/// A refused use renews nothing, so the cache must not answer later uses from it.
#[tokio::test]
async fn the_result_of_a_refused_use_or_a_peek_is_not_cached() {
    let server = Standalone::start().await;
    let tokens = caching(&server.url(), AGES).await;
    let issued = issue(&tokens, "ada", Lifetime::sliding(span("10m"))).await;
    let text = issued.token.expose_secret();
    let wrong = Requirement::any().subject("bob".parse().unwrap());
    for _ in 0..2 {
        assert!(tokens.validate(text, &wrong).await.unwrap().grant().is_none());
        assert!(tokens.peek(text, &Requirement::any()).await.unwrap().grant().is_some());
    }
    assert_eq!((status(&tokens).hits, status(&tokens).entries), (0, 0));
}

#[tokio::test]
async fn a_peek_is_not_answered_from_the_cache() {
    let server = Standalone::start().await;
    let tokens = caching(&server.url(), AGES).await;
    let issued = issue(&tokens, "ada", Lifetime::sliding(span("10m"))).await;
    let text = issued.token.expose_secret();
    assert!(is_active(&tokens, text).await);
    server.command::<()>(&["FLUSHALL"]).await;
    assert!(tokens.peek(text, &Requirement::any()).await.unwrap().grant().is_none());
}

#[tokio::test]
async fn an_unknown_token_is_valid_as_soon_as_another_node_issues_it() {
    let server = Standalone::start().await;
    let (tokens, elsewhere) = (caching(&server.url(), AGES).await, tokens_at(&server.url()).await);
    let request = IssueRequest::new("ada".parse().unwrap(), Access::Full, Lifetime::sliding(span("10m")));
    let format = TokenFormat::new(Prefix::default(), keys());
    for _ in 0..50 {
        let token = format.generate(SubjectHash::of(&request.subject).partition, &mut os_rng().unwrap());
        assert!(!is_active(&tokens, token.expose_secret()).await);
        assert!(elsewhere.store().issue(token.id(), &request).await.unwrap().confirmation.is_confirmed());
        assert!(is_active(&tokens, token.expose_secret()).await);
    }
}

#[tokio::test]
async fn a_cached_answer_never_outlives_the_hard_expiry() {
    let server = Standalone::start().await;
    let tokens = caching(&server.url(), AGES).await;
    let limit = token_core::Span::from_millis(300).unwrap();
    for lifetime in [Lifetime::hard(limit), Lifetime::capped(limit, limit).unwrap()] {
        let issued = issue(&tokens, "ada", lifetime).await;
        let (text, end) = (issued.token.expose_secret(), issued.grant.deadlines.cap().unwrap());
        assert!(is_active(&tokens, text).await);
        until(async || {
            let (seconds, micros): (u64, u64) = server.command(&["TIME"]).await;
            // Redis keeps a key until the millisecond of its expiry is over, and so does the cache: its bound is the
            // remaining life when the call was sent, by the server's time in whole milliseconds.
            let over = seconds * 1000 + micros / 1000 > end.as_millis();
            assert!(!over || !is_active(&tokens, text).await);
            over
        })
        .await;
    }
}

#[tokio::test]
async fn the_cache_stays_within_its_bound() {
    let server = Standalone::start().await;
    let settings = LocalCache::default().max_age(AGES).max_entries(100);
    let tokens = caching_with(&server.url(), settings).await;
    for n in 0..300 {
        let issued = issue(&tokens, &format!("user-{n}"), Lifetime::hard(span("1h"))).await;
        assert!(is_active(&tokens, issued.token.expose_secret()).await);
    }
    assert!((1..=100).contains(&status(&tokens).entries), "{:?}", status(&tokens));
}

#[tokio::test]
async fn a_thousand_identical_uses_at_once_share_two_calls() {
    let deployment = Deployment::standalone().await;
    for tokens in [tokens_at(&deployment.url()).await, caching(&deployment.url(), AGES).await] {
        let issued = issue(&tokens, "ada", Lifetime::sliding(span("10m"))).await;
        let text = issued.token.expose_secret();
        // From here on, every node has the script.
        tokens.peek(text, &Requirement::any()).await.unwrap();
        deployment.forget_commands().await;
        let asked = join_all((0..1000).map(|_| is_active(&tokens, text))).await;
        assert!(asked.into_iter().all(|active| active));
        // One call for the first use, and one for all that arrived while it was under way.
        assert_eq!(deployment.commands().await.remove("evalsha"), Some(2));
    }
}
