//! Wrong settings and changes from outside are recognised and do no harm.

use std::time::Duration;

use token_core::spi::{SubjectHash, TokenStore};
use token_core::{Lifetime, Reason, Requirement, Revocation, Span, StoreErrorKind, Verdict};
use token_redis::{Options, RedisStore};
use token_tests::servers::{Cluster, Standalone};

use crate::kit::{is_record, issue, keys, span, tokens_at};

#[tokio::test]
async fn a_wrong_password_for_a_cluster_is_a_refused_login() {
    let cluster = Cluster::start().await;
    for node in cluster.nodes() {
        node.command::<()>(&["ACL", "SETUSER", "me", "on", ">right", "~*", "+@all"]).await;
    }
    let at = |password: &str| cluster.url().replacen("://", &format!("://me:{password}@"), 1);
    tokens_at(&at("right")).await;
    let refused = RedisStore::connect(&at("hidden"), keys(), Options::default()).await.unwrap_err();
    assert_eq!(refused.kind(), StoreErrorKind::LoginRefused, "{refused:?}");
    assert!(!format!("{refused}{refused:?}").contains("hidden"), "{refused:?}");
}

#[tokio::test]
async fn a_token_that_lost_its_ttl_still_dies_at_its_hard_expiry() {
    let server = Standalone::start().await;
    let tokens = tokens_at(&server.url()).await;
    let brief = Span::from_millis(400).unwrap();
    for lifetime in [Lifetime::hard(brief), Lifetime::capped(brief, brief).unwrap()] {
        let issued = issue(&tokens, "admin", lifetime).await;
        let keys: Vec<String> = server.command(&["KEYS", "*"]).await;
        let key = keys.iter().find(|key| is_record(key)).unwrap();
        server.command::<()>(&["PERSIST", key]).await;
        // A peek, because a use would restore the TTL of a sliding token.
        let mut tries = 0;
        while let Verdict::Active(_) =
            tokens.peek(issued.token.expose_secret(), &Requirement::any()).await.unwrap()
        {
            tries += 1;
            assert!(tries < 500, "it outlives its hard expiry");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let verdict = tokens.validate(issued.token.expose_secret(), &Requirement::any()).await.unwrap();
        assert_eq!(verdict, Verdict::Inactive(Reason::NoSuchToken));
        let left: i64 = server.command(&["PTTL", key]).await;
        assert!(left > 0, "the key gets a TTL: {left}");
        server.command::<()>(&["DEL", key]).await;
    }
}

#[tokio::test]
async fn foreign_members_of_an_index_hinder_no_listing_or_revocation() {
    let server = Standalone::start().await;
    let tokens = tokens_at(&server.url()).await;
    let issued = issue(&tokens, "admin", Lifetime::sliding(span("10m"))).await;
    let user = "admin".parse().unwrap();
    let hash = SubjectHash::of(&user);
    let index = format!("tok:{{{}}}:u:{:032x}", hash.partition, hash.index);
    for junk in ["garbage", ""] {
        server.command::<()>(&["ZADD", &index, "1", junk]).await;
    }
    assert_eq!(tokens.store().list(&user).await.unwrap().grants, std::slice::from_ref(&issued.grant));
    server.command::<()>(&["ZADD", &index, "1", "more"]).await;
    let ended = tokens.store().revoke_subject(&user, &Revocation::default()).await.unwrap();
    assert_eq!(ended.outcome, [issued.grant.id]);
}
