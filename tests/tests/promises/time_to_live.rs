//! P4: no token key ever lacks a TTL, and no interleaving brings a revoked token back.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use token_core::spi::TokenStore;
use token_core::{Lifetime, Requirement, Revocation};
use tokio::task::JoinSet;

use crate::kit::{Deployment, Tokens, is_record, issue, span, tokens_at};

const SUBJECTS: usize = 8;
const TOKENS_EACH: usize = 12;
const VALIDATORS: usize = 48;
const REVOKERS: usize = 16;
const ISSUERS: usize = 8;

/// A token, and whether its revocation was acknowledged.
struct Contested {
    text: String,
    id: token_core::TokenId,
    revoked: AtomicBool,
}

async fn nothing_revoked_returns_and_nothing_is_immortal(deployment: &Deployment) {
    let tokens = Arc::new(tokens_at(&deployment.url()).await);
    let mut contested = Vec::new();
    for n in 0..SUBJECTS * TOKENS_EACH {
        let issued = issue(&tokens, &format!("user-{}", n % SUBJECTS), lifetime(n)).await;
        contested.push(Contested {
            text: issued.token.expose_secret().to_owned(),
            id: issued.grant.id,
            revoked: AtomicBool::new(false),
        });
    }
    let contested = Arc::new(contested);

    let mut tasks = JoinSet::new();
    for n in 0..VALIDATORS {
        tasks.spawn(validate_again_and_again(tokens.clone(), contested.clone(), n));
    }
    for n in 0..REVOKERS {
        tasks.spawn(revoke_every_other(tokens.clone(), contested.clone(), n));
    }
    for n in 0..ISSUERS {
        let tokens = tokens.clone();
        tasks.spawn(async move {
            for _ in 0..20 {
                issue(&tokens, &format!("user-{}", n % SUBJECTS), lifetime(n)).await;
            }
        });
    }
    while let Some(ended) = tasks.join_next().await {
        ended.unwrap();
    }

    for token in contested.iter() {
        let verdict = tokens.validate(&token.text, &Requirement::any()).await.unwrap();
        assert_eq!(verdict.grant().is_none(), token.revoked.load(Ordering::SeqCst), "{verdict:?}");
    }
    no_record_is_immortal(deployment).await;
}

fn lifetime(n: usize) -> Lifetime {
    match n % 3 {
        0 => Lifetime::hard(span("1h")),
        1 => Lifetime::sliding(span("10m")),
        _ => Lifetime::capped(span("10m"), span("1h")).unwrap(),
    }
}

async fn validate_again_and_again(tokens: Arc<Tokens>, contested: Arc<Vec<Contested>>, n: usize) {
    for round in 0..150 {
        let token = &contested[(n * 31 + round * 7) % contested.len()];
        let revoked_before = token.revoked.load(Ordering::SeqCst);
        let verdict = tokens.validate(&token.text, &Requirement::any()).await.unwrap();
        assert!(
            !(revoked_before && verdict.grant().is_some()),
            "admitted after its revocation was acknowledged"
        );
    }
}

async fn revoke_every_other(tokens: Arc<Tokens>, contested: Arc<Vec<Contested>>, n: usize) {
    for token in contested.iter().skip(n % 2 * 2).step_by(4) {
        let _ = tokens.store().revoke(token.id, &Revocation::default()).await.unwrap();
        token.revoked.store(true, Ordering::SeqCst);
    }
}

async fn no_record_is_immortal(deployment: &Deployment) {
    let mut seen = HashSet::new();
    for server in deployment.primaries().await {
        for key in
            server.command::<Vec<String>>(&["KEYS", "*"]).await.into_iter().filter(|key| is_record(key))
        {
            let ttl: i64 = server.command(&["PTTL", &key]).await;
            assert!(ttl > 0, "{key} has a TTL of {ttl}");
            seen.insert(key);
        }
    }
    assert!(seen.len() >= ISSUERS * 20, "the sweep saw the tokens: {}", seen.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_revoked_returns_and_nothing_is_immortal_on_a_server() {
    nothing_revoked_returns_and_nothing_is_immortal(&Deployment::standalone().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_revoked_returns_and_nothing_is_immortal_on_a_cluster() {
    nothing_revoked_returns_and_nothing_is_immortal(&Deployment::cluster().await).await;
}
