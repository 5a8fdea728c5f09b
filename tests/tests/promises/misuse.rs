//! Wrong settings and changes from outside are recognised and do no harm.

use std::time::Duration;

use token_core::spi::{SubjectHash, TokenStore};
use token_core::{
    Issued, Lifetime, Reason, Requirement, Revocation, Span, StoreErrorKind, Timestamp, TokenStatus, Verdict,
};
use token_redis::{Options, RedisStore};
use token_tests::servers::{Cluster, Standalone};

use crate::kit::{Tokens, is_record, issue, keys, record_key, span, tokens_at};

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

/// When the token ends, as a listing, a look at its id and a peek tell it.
async fn ends(tokens: &Tokens, issued: &Issued) -> [Timestamp; 3] {
    let listed = tokens.store().list(&issued.grant.subject).await.unwrap();
    let TokenStatus::Live(shown) = tokens.store().show(issued.grant.id).await.unwrap() else {
        panic!("it is live")
    };
    let peeked = tokens.peek(issued.token.expose_secret(), &Requirement::any()).await.unwrap();
    [listed.grants[0].expires_at, shown.expires_at, peeked.grant().unwrap().expires_at]
}

#[tokio::test]
async fn a_changed_ttl_shows_as_the_end_that_a_use_sets() {
    let server = Standalone::start().await;
    let tokens = tokens_at(&server.url()).await;
    let (window, minute) = (span("10m"), 60_000);
    let lifetimes = [
        Lifetime::hard(span("1h")),
        Lifetime::sliding(window),
        Lifetime::capped(window, span("1h")).unwrap(),
    ];
    for (n, lifetime) in lifetimes.into_iter().enumerate() {
        for change in [&["PERSIST"][..], &["EXPIRE", "99999999"]] {
            let issued = issue(&tokens, &format!("user-{n}-{}", change.len()), lifetime).await;
            let key = record_key(issued.grant.id);
            let command = [&[change[0], key.as_str()], &change[1..]].concat();
            server.command::<()>(&command).await;
            let shown = ends(&tokens, &issued).await;
            let used = tokens.validate(issued.token.expose_secret(), &Requirement::any()).await.unwrap();
            let end = used.grant().unwrap().expires_at;
            for shown in shown {
                assert!(
                    shown <= end && end.as_millis() < shown.as_millis() + minute,
                    "{shown} {end} {lifetime:?}"
                );
            }
            assert_eq!(ends(&tokens, &issued).await, [end; 3], "{lifetime:?}");
            let kept: u64 = server.command(&["PEXPIRETIME", &key]).await;
            assert_eq!(kept, end.as_millis(), "{lifetime:?}");
        }
    }
}

#[tokio::test]
async fn a_token_kept_past_its_hard_expiry_is_not_shown() {
    let server = Standalone::start().await;
    let tokens = tokens_at(&server.url()).await;
    let issued = issue(&tokens, "admin", Lifetime::hard(Span::from_millis(300).unwrap())).await;
    server.command::<()>(&["PERSIST", &record_key(issued.grant.id)]).await;
    tokio::time::sleep(Duration::from_millis(310)).await;
    assert!(tokens.store().list(&issued.grant.subject).await.unwrap().is_empty());
    assert_eq!(tokens.store().show(issued.grant.id).await.unwrap(), TokenStatus::Unknown);
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
