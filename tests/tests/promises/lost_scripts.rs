//! Callers do not notice when a server has lost the scripts.

use token_core::spi::TokenStore;
use token_core::{Lifetime, Requirement, Revocation, RevokeOutcome};

use token_tests::servers::Cluster;

use crate::kit::{Deployment, Tokens, hasty_tokens_at, issue, span, tokens_at, until_it_answers};

async fn every_operation_works(tokens: &Tokens) {
    let user = "admin".parse().unwrap();
    let first = issue(tokens, "admin", Lifetime::sliding(span("10m"))).await;
    issue(tokens, "admin", Lifetime::hard(span("10m"))).await;
    assert!(
        tokens.validate(first.token.expose_secret(), &Requirement::any()).await.unwrap().grant().is_some()
    );
    assert!(tokens.store().list(&user).await.unwrap().grants.len() >= 2);
    let outcome = tokens.store().revoke(first.grant.id, &Revocation::default()).await.unwrap().outcome;
    assert_eq!(outcome, RevokeOutcome::Revoked);
    tokens.store().show(first.grant.id).await.unwrap();
    tokens.store().prune().await.unwrap();
    assert!(!tokens.store().revoke_subject(&user, &Revocation::default()).await.unwrap().outcome.is_empty());
}

async fn scripts_that_were_flushed_come_back(deployment: &Deployment) {
    let tokens = tokens_at(&deployment.url()).await;
    every_operation_works(&tokens).await;
    deployment.each::<()>(&["SCRIPT", "FLUSH"]).await;
    every_operation_works(&tokens).await;
}

#[tokio::test]
async fn scripts_that_were_flushed_come_back_on_a_server() {
    scripts_that_were_flushed_come_back(&Deployment::standalone().await).await;
}

#[tokio::test]
async fn scripts_that_were_flushed_come_back_on_a_cluster() {
    scripts_that_were_flushed_come_back(&Deployment::cluster().await).await;
}

#[tokio::test]
async fn a_flush_between_any_two_validations_is_not_noticed() {
    let deployment = Deployment::standalone().await;
    let tokens = tokens_at(&deployment.url()).await;
    let issued = issue(&tokens, "admin", Lifetime::sliding(span("10m"))).await;
    for _ in 0..50 {
        deployment.each::<()>(&["SCRIPT", "FLUSH"]).await;
        assert!(
            tokens
                .validate(issued.token.expose_secret(), &Requirement::any())
                .await
                .unwrap()
                .grant()
                .is_some()
        );
    }
}

/// Loading a script on all nodes would wait for the hung one.
#[tokio::test]
async fn a_hung_replica_does_not_hold_up_the_recovery_of_scripts() {
    let cluster = Cluster::start().await;
    let tokens = hasty_tokens_at(&cluster.url()).await;
    let issued = issue(&tokens, "admin", Lifetime::sliding(span("10m"))).await;
    let primaries = cluster.primaries().await;
    for primary in &primaries {
        cluster.replica_of(primary).await.pause();
    }
    for primary in primaries {
        primary.command::<()>(&["SCRIPT", "FLUSH"]).await;
    }
    assert!(
        tokens.validate(issued.token.expose_secret(), &Requirement::any()).await.unwrap().grant().is_some()
    );
    issue(&tokens, "admin", Lifetime::sliding(span("10m"))).await;
}

/// The restarted server has neither scripts nor tokens: the store refuses old tokens, and issues new ones.
#[tokio::test]
async fn a_server_that_was_restarted_is_used_again() {
    let mut server = token_tests::servers::Standalone::start().await;
    let tokens = tokens_at(&server.url()).await;
    let before = issue(&tokens, "admin", Lifetime::hard(span("1h"))).await;
    server.restart().await;
    let verdict = until_it_answers(&tokens, before.token.expose_secret()).await;
    assert!(verdict.grant().is_none(), "losing data refuses tokens");
    every_operation_works(&tokens).await;
}
