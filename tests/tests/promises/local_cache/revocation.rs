//! A revocation reaches every node at once.

use std::time::{Duration, Instant};

use token_core::{Lifetime, Requirement};
use token_redis::{LocalCache, Options};
use token_tests::servers::{Sentinel, Standalone};

use super::kit::{AGES, caching, is_active, revoke_all, status, until_heard};
use crate::kit::{Deployment, issue, revoke, span, tokens_at, tokens_with, until};

async fn a_revocation_elsewhere_is_heard(url: &str) {
    let (node, elsewhere) = (caching(url, AGES).await, tokens_at(url).await);
    for user in ["ada", "bob", "cyd", "dan", "eve"] {
        let issued = issue(&elsewhere, user, Lifetime::sliding(span("10m"))).await;
        let (text, other) =
            (issued.token.expose_secret(), issue(&elsewhere, user, Lifetime::hard(span("1h"))).await);
        assert!(is_active(&node, text).await);
        revoke(&elsewhere, &issued).await;
        until(async || !is_active(&node, text).await).await;
        assert!(is_active(&node, other.token.expose_secret()).await, "other tokens stay valid");
    }
}

#[tokio::test]
async fn a_revocation_on_another_node_arrives_on_a_server() {
    a_revocation_elsewhere_is_heard(&Standalone::start().await.url()).await;
}

#[tokio::test]
async fn a_revocation_on_another_node_arrives_with_sentinels() {
    a_revocation_elsewhere_is_heard(&Sentinel::start().await.url()).await;
}

#[tokio::test]
async fn a_revocation_on_another_node_arrives_on_a_cluster() {
    a_revocation_elsewhere_is_heard(&Deployment::cluster().await.url()).await;
}

#[tokio::test]
async fn the_revocation_of_all_tokens_of_a_user_reaches_the_node() {
    for deployment in [Deployment::standalone().await, Deployment::cluster().await] {
        let url = deployment.url();
        let (node, elsewhere) = (caching(&url, AGES).await, tokens_at(&url).await);
        let mut issued = Vec::new();
        for _ in 0..20 {
            issued.push(issue(&elsewhere, "ada", Lifetime::sliding(span("10m"))).await);
        }
        for one in &issued {
            assert!(is_active(&node, one.token.expose_secret()).await);
        }
        revoke_all(&elsewhere, &issued[0]).await;
        for one in &issued {
            until(async || !is_active(&node, one.token.expose_secret()).await).await;
        }
    }
}

/// Without any delay.
#[tokio::test]
async fn a_node_refuses_a_token_that_it_has_revoked_itself() {
    let server = Standalone::start().await;
    let node = caching(&server.url(), AGES).await;
    for n in 0..100 {
        let issued = issue(&node, &format!("user-{n}"), Lifetime::sliding(span("10m"))).await;
        assert!(is_active(&node, issued.token.expose_secret()).await);
        if n % 2 == 0 {
            revoke(&node, &issued).await;
        } else {
            revoke_all(&node, &issued).await;
        }
        assert!(!is_active(&node, issued.token.expose_secret()).await);
    }
}

#[tokio::test]
async fn a_token_cached_as_revoked_costs_no_command() {
    let deployment = Deployment::standalone().await;
    let (node, elsewhere) = (caching(&deployment.url(), AGES).await, tokens_at(&deployment.url()).await);
    let issued = issue(&elsewhere, "ada", Lifetime::sliding(span("10m"))).await;
    let text = issued.token.expose_secret();
    assert!(is_active(&node, text).await);
    revoke(&elsewhere, &issued).await;
    until(async || !is_active(&node, text).await).await;
    deployment.forget_commands().await;
    for _ in 0..100 {
        assert!(!is_active(&node, text).await);
    }
    assert_eq!(deployment.commands().await.remove("evalsha"), None);
}

/// Renewals change keys, too, but must not invalidate the cache.
#[tokio::test]
async fn uses_on_other_nodes_invalidate_nothing() {
    let server = Standalone::start().await;
    let (node, elsewhere) = (caching(&server.url(), AGES).await, tokens_at(&server.url()).await);
    let issued = issue(&elsewhere, "ada", Lifetime::sliding(span("10m"))).await;
    let text = issued.token.expose_secret();
    assert!(is_active(&node, text).await);
    for _ in 0..50 {
        assert!(is_active(&elsewhere, text).await);
        issue(&elsewhere, "ada", Lifetime::sliding(span("10m"))).await;
        assert!(is_active(&node, text).await);
    }
    assert_eq!((status(&node).hits, status(&node).misses), (50, 1));
}

#[tokio::test]
async fn revocations_arrive_from_the_server_that_takes_over() {
    let deployment = Deployment::cluster().await;
    let Deployment::Cluster(cluster) = &deployment else { unreachable!() };
    let (node, elsewhere) = (caching(&cluster.url(), AGES).await, tokens_at(&cluster.url()).await);
    let before = issue(&elsewhere, "ada", Lifetime::sliding(span("10m"))).await;
    assert!(is_active(&node, before.token.expose_secret()).await);
    let slot = cluster.slot_of(&format!("{{{}}}", before.grant.id.partition())).await;
    cluster.kill_primary(cluster.owner_of(slot).await).await;
    until_heard(&node).await;
    let after = issue(&elsewhere, "ada", Lifetime::sliding(span("10m"))).await;
    for issued in [before, after] {
        let text = issued.token.expose_secret();
        let hits = status(&node).hits;
        until(async || {
            let active = node.validate(text, &Requirement::any()).await.is_ok_and(|it| it.grant().is_some());
            active && status(&node).hits > hits
        })
        .await;
        revoke(&elsewhere, &issued).await;
        until(async || !is_active(&node, text).await).await;
    }
}

/// A validator that may not subscribe is slower, but still correct.
#[tokio::test]
async fn a_node_without_the_right_to_subscribe_asks_every_time() {
    let server = Standalone::start_with_roles().await;
    server.command::<()>(&["ACL", "SETUSER", "validator", "-subscribe"]).await;
    let mut options = Options::default();
    options.local_cache = Some(LocalCache::default().max_age(AGES));
    let node = tokens_with(&server.url_as("validator"), options).await;
    let admin = tokens_at(&server.url_as("admin")).await;
    for n in 0..20 {
        let issued = issue(&admin, &format!("user-{n}"), Lifetime::sliding(span("10m"))).await;
        assert!(is_active(&node, issued.token.expose_secret()).await);
        revoke(&admin, &issued).await;
        assert!(!is_active(&node, issued.token.expose_secret()).await);
    }
    assert_eq!((status(&node).hits, status(&node).partitions_heard), (0, 0));
}

/// With roles that lack PUBLISH, the revocation is made, and reaches caches when their entries expire.
#[tokio::test]
async fn a_node_without_the_right_to_publish_can_still_revoke() {
    let server = Standalone::start_with_roles().await;
    server.command::<()>(&["ACL", "SETUSER", "admin", "-publish"]).await;
    let age = Duration::from_millis(200);
    let node = caching(&server.url_as("validator"), age).await;
    let admin = tokens_at(&server.url_as("admin")).await;
    let issued = issue(&admin, "ada", Lifetime::sliding(span("10m"))).await;
    assert!(is_active(&node, issued.token.expose_secret()).await);
    revoke(&admin, &issued).await;
    let acknowledged = Instant::now();
    until(async || {
        let asked = Instant::now();
        let active = is_active(&node, issued.token.expose_secret()).await;
        assert!(!active || asked < acknowledged + age, "later than it may be");
        !active
    })
    .await;
}
