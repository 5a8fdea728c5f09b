//! `/v1/tokens` for holders, who may do what they like with their own tokens.

use serde_json::{Value, json};
use token_core::spi::TokenStore;
use token_core::{Access, Issued, Lifetime, TokenStatus};

use crate::kit::*;

async fn hard(running: &Running, user: &str, limit: &str) -> Issued {
    running.issue_for(user, Access::Full, Lifetime::hard(limit.parse().unwrap())).await
}

#[tokio::test]
async fn a_holder_issues_tokens_to_themselves() {
    let running = Running::new();
    let caller = hard(&running, "ci", "28d").await;
    let answer = running.rest_with(&caller, "POST", "", r#"{"expire":"1h","label":"child"}"#).await;
    assert_eq!((answer.status, answer.text("user"), answer.text("issuer")), (201, "ci", "ci"));
    assert_eq!(answer.json["shortened"], json!(false));
    assert!(running.counts(answer.text("token")).await);
}

#[tokio::test]
async fn a_holder_does_nothing_for_another_user() {
    let running = Running::new();
    let caller = hard(&running, "ci", "28d").await;
    let other = running.issue("other", &[]).await;
    for (method, query, body) in [
        ("POST", "", r#"{"user":"other","expire":"1h"}"#),
        ("GET", "?user=other", ""),
        ("DELETE", "?user=other", ""),
        ("GET", "?user=nobody", ""),
    ] {
        let answer = running.rest_with(&caller, method, query, body).await;
        assert_eq!((answer.status, answer.text("error")), (403, "access_denied"), "{method} {query}");
    }
    assert_eq!(running.tokens.store().list(&other.grant.subject).await.unwrap().grants, [other.grant]);
}

#[tokio::test]
async fn a_child_ends_with_its_parent_and_is_reported_as_shortened() {
    let running = Running::new();
    let caller = hard(&running, "ci", "2h").await;
    let end = json!(caller.grant.expires_at);
    for body in [r#"{"expire":"28d"}"#, r#"{"auto":"10m"}"#, r#"{"auto":"10m","expire":"3h"}"#] {
        let answer = running.rest_with(&caller, "POST", "", body).await;
        assert_eq!((answer.status, &answer.json["max_expires_at"]), (201, &end), "{body}");
        assert_eq!(answer.json["shortened"], json!(true), "{body}");
    }
}

#[tokio::test]
async fn a_child_of_a_sliding_token_slides_no_further_than_its_parent() {
    let running = Running::new();
    let caller = running.issue("ci", &[]).await;
    for (body, shortened) in
        [(r#"{"expire":"28d"}"#, true), (r#"{"auto":"1h"}"#, true), (r#"{"auto":"10m"}"#, false)]
    {
        let answer = running.rest_with(&caller, "POST", "", body).await;
        assert_eq!(answer.json["sliding_window_seconds"], json!(600), "{body}");
        assert_eq!(answer.json["shortened"], json!(shortened), "{body}");
    }
}

#[tokio::test]
async fn no_line_of_descendants_outlives_its_first() {
    let running = Running::new();
    let first = hard(&running, "ci", "1h").await;
    let end = json!(first.grant.expires_at);
    let mut text = first.token.expose_secret().to_owned();
    for _ in 0..3 {
        let request = http::Request::post("/v1/tokens")
            .header("authorization", format!("Bearer {text}"))
            .header("content-type", "application/json");
        let answer = Answer::of(running.send(request.body(r#"{"expire":"1d"}"#.into()).unwrap()).await);
        assert_eq!(answer.json["max_expires_at"], end);
        text = answer.text("token").to_owned();
    }
}

#[tokio::test]
async fn a_restricted_token_cannot_issue_and_revokes_only_itself() {
    let running = Running::new();
    for user in ["ci", "root"] {
        let caller = running.issue(user, &[FILE]).await;
        let sibling = running.issue(user, &[]).await;
        let body = json!({"expire": "1h", "scopes": [FILE]}).to_string();
        assert_eq!(running.rest_with(&caller, "POST", "", &body).await.status, 403, "{user}");
        assert_eq!(running.rest(&caller, "DELETE", &format!("?user={user}")).await.status, 403, "{user}");
        assert_eq!(running.rest(&caller, "DELETE", &format!("/{}", sibling.grant.id)).await.status, 404);
        assert!(running.counts(sibling.token.expose_secret()).await);
        assert_eq!(running.rest(&caller, "DELETE", &format!("/{}", caller.grant.id)).await.status, 200);
        assert!(!running.counts(caller.token.expose_secret()).await, "it ends itself");
    }
}

#[tokio::test]
async fn a_restricted_token_sees_nothing_but_itself() {
    let running = Running::new();
    let caller = running.issue("ci", &[FILE]).await;
    let sibling = running.issue("ci", &[]).await;
    let answer = running.rest(&caller, "GET", "").await;
    assert_eq!(ids(&answer.json), [caller.grant.id.to_string()]);
    assert_eq!(running.rest(&caller, "GET", &format!("/{}", caller.grant.id)).await.status, 200);
    assert_eq!(running.rest(&caller, "GET", &format!("/{}", sibling.grant.id)).await.status, 404);
}

fn ids(page: &Value) -> Vec<String> {
    page["tokens"].as_array().unwrap().iter().map(|token| token["id"].as_str().unwrap().to_owned()).collect()
}

/// Word for word what is said of a token that was never issued.
#[tokio::test]
async fn tokens_of_others_do_not_exist_for_a_holder() {
    let running = Running::new();
    let caller = running.issue("ci", &[]).await;
    let (live, revoked) = (running.issue("other", &[]).await, running.issue("other", &[]).await);
    let _ = running.tokens.store().revoke(revoked.grant.id, &Default::default()).await.unwrap();
    for method in ["GET", "DELETE"] {
        let never = running.rest(&caller, method, "/5440vjeh809ehv75b4tzwf83gfp0").await;
        assert_eq!(never.status, 404);
        for other in [&live, &revoked] {
            let answer = running.rest(&caller, method, &format!("/{}", other.grant.id)).await;
            assert_eq!((answer.status, &answer.json, &answer.headers), (404, &never.json, &never.headers));
        }
    }
    let token_status = running.tokens.store().show(live.grant.id).await.unwrap();
    assert_eq!(token_status, TokenStatus::Live(live.grant));
}

#[tokio::test]
async fn a_holder_shows_lists_and_revokes_their_own() {
    let running = Running::new();
    let (caller, own) = (running.issue("ci", &[]).await, running.issue("ci", &[FILE]).await);
    assert_eq!(ids(&running.rest(&caller, "GET", "?user=ci").await.json).len(), 2);
    let path = format!("/{}", own.grant.id);
    assert_eq!(running.rest(&caller, "GET", &path).await.json, json!(own.grant));
    for outcome in ["revoked", "already_revoked"] {
        assert_eq!(running.rest(&caller, "DELETE", &path).await.text("outcome"), outcome);
    }
    assert_eq!(running.rest(&caller, "GET", &path).await.status, 410);
    assert_eq!(running.rest(&caller, "DELETE", "?user=ci").await.status, 200);
    assert_eq!(running.rest(&caller, "GET", "").await.status, 401, "its own, too");
}
