//! Expired tokens leave the index of a subject, by itself and by a prune.

use token_core::Lifetime;
use token_core::spi::{SubjectHash, TokenStore};

use crate::kit::{Deployment, Tokens, is_record, issue, span, tokens_at};

/// Expires all records as if their window had run out. Their ids remain in the indexes.
async fn let_all_records_die(deployment: &Deployment) {
    for server in deployment.primaries().await {
        for key in server.command::<Vec<String>>(&["KEYS", "*"]).await.iter().filter(|key| is_record(key)) {
            server.command::<()>(&["DEL", key]).await;
        }
    }
}

async fn members(deployment: &Deployment, tokens: &Tokens, user: &str) -> usize {
    let hash = SubjectHash::of(&user.parse().unwrap());
    let key = format!("tok:{{{}}}:u:{:032x}", hash.partition, hash.index);
    assert!(deployment.all_keys().await.contains(&key), "{tokens:?}");
    let mut members = 0;
    for server in deployment.primaries().await {
        if server.command::<Vec<String>>(&["KEYS", "*"]).await.contains(&key) {
            members += server.command::<usize>(&["ZCARD", &key]).await;
        }
    }
    members
}

async fn a_prune_clears_all_indexes(deployment: &Deployment) {
    let tokens = tokens_at(&deployment.url()).await;
    for n in 0..40 {
        issue(&tokens, &format!("dead-{}", n % 20), Lifetime::sliding(span("10m"))).await;
    }
    let_all_records_die(deployment).await;
    let live = issue(&tokens, "live", Lifetime::sliding(span("10m"))).await;
    assert_eq!(tokens.store().prune().await.unwrap(), 40);
    assert_eq!(tokens.store().prune().await.unwrap(), 0);
    let indexes = deployment.all_keys().await.into_iter().filter(|key| key.contains(":u:")).count();
    assert_eq!(indexes, 1, "an empty index is gone");
    assert_eq!(tokens.store().list(&"live".parse().unwrap()).await.unwrap().grants, [live.grant]);
}

#[tokio::test]
async fn a_prune_clears_all_indexes_on_a_server() {
    a_prune_clears_all_indexes(&Deployment::standalone().await).await;
}

#[tokio::test]
async fn a_prune_clears_all_indexes_on_a_cluster() {
    a_prune_clears_all_indexes(&Deployment::cluster().await).await;
}

#[tokio::test]
async fn a_listing_removes_expired_ids_from_the_index() {
    let deployment = Deployment::standalone().await;
    let tokens = tokens_at(&deployment.url()).await;
    for _ in 0..5 {
        issue(&tokens, "admin", Lifetime::sliding(span("10m"))).await;
    }
    let_all_records_die(&deployment).await;
    issue(&tokens, "admin", Lifetime::sliding(span("10m"))).await;
    tokens.store().list(&"admin".parse().unwrap()).await.unwrap();
    assert_eq!(members(&deployment, &tokens, "admin").await, 1);
}

/// If a user keeps issuing sliding tokens that expire, the index stays small.
#[tokio::test]
async fn issues_alone_keep_an_index_small() {
    let deployment = Deployment::standalone().await;
    let tokens = tokens_at(&deployment.url()).await;
    for _ in 0..200 {
        issue(&tokens, "admin", Lifetime::sliding(span("10m"))).await;
        let_all_records_die(&deployment).await;
    }
    let members = members(&deployment, &tokens, "admin").await;
    assert!(members < 20, "{members} ids of 200 dead tokens are left");
}

#[tokio::test]
async fn an_index_expires_with_the_last_of_its_hard_tokens() {
    let deployment = Deployment::standalone().await;
    let tokens = tokens_at(&deployment.url()).await;
    let Deployment::Standalone(server) = &deployment else { unreachable!() };
    let hash = SubjectHash::of(&"admin".parse().unwrap());
    let index = format!("tok:{{{}}}:u:{:032x}", hash.partition, hash.index);

    issue(&tokens, "admin", Lifetime::hard(span("1h"))).await;
    let last = issue(&tokens, "admin", Lifetime::hard(span("3h"))).await;
    issue(&tokens, "admin", Lifetime::hard(span("2h"))).await;
    let dies: u64 = server.command(&["PEXPIRETIME", &index]).await;
    assert_eq!(dies, last.grant.expires_at.as_millis());

    issue(&tokens, "admin", Lifetime::sliding(span("1m"))).await;
    assert_eq!(server.command::<i64>(&["PEXPIRETIME", &index]).await, -1, "one of them has no fixed end");
}
