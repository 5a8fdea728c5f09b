//! `Idempotency-Key` at `POST /v1/tokens`, and `POST /v1/tokens/{id}/confirm`.

use axum::body::Body;
use http::Request;
use serde_json::json;
use token_core::spi::TokenStore;
use token_core::{Issued, Revocation};

use crate::kit::*;

const KEY: &str = "\"8e03978e-40d5-43e8-bc93-6894a57f9324\"";
const HOUR: &str = r#"{"expire":"1h"}"#;

impl Running {
    async fn issue_by(&self, caller: &Issued, keys: &[&str], body: &str) -> Answer {
        let request = Request::post("/v1/tokens")
            .header("authorization", bearer(caller))
            .header("content-type", "application/json");
        let request = keys.iter().fold(request, |request, key| request.header("idempotency-key", *key));
        Answer::of(self.send(request.body(Body::from(body.to_owned())).unwrap()).await)
    }
}

#[tokio::test]
async fn a_repeat_is_200_with_the_first_token_and_without_its_text() {
    let running = Running::new();
    let caller = running.issue("ci", &[]).await;
    let first = running.issue_by(&caller, &[KEY], HOUR).await;
    assert_eq!((first.status, first.json.get("repeated")), (201, None));
    assert!(running.counts(first.text("token")).await);
    for key in [KEY, KEY.trim_matches('"')] {
        let again = running.issue_by(&caller, &[key], HOUR).await;
        assert_eq!((again.status, &again.json["repeated"], again.text("state")), (200, &json!(true), "live"));
        assert_eq!(again.headers["location"], first.headers["location"]);
        for member in ["id", "user", "label", "scopes", "issued_at", "max_expires_at", "confirmation"] {
            assert_eq!(again.json[member], first.json[member], "{member}");
        }
        assert_eq!(again.json.get("token"), None);
    }
    let listing = running.tokens.store().list(&caller.grant.subject).await.unwrap();
    assert_eq!(listing.grants.len(), 2, "the caller's own, and one");
}

#[tokio::test]
async fn a_key_that_was_used_for_another_request_is_422() {
    let running = Running::new();
    let root = running.issue("root", &[]).await;
    assert_eq!(running.issue_by(&root, &[KEY], HOUR).await.status, 201);
    for body in [r#"{"expire":"2h"}"#, r#"{"auto":"1h"}"#, r#"{"expire":"1h","label":"x"}"#] {
        let answer = running.issue_by(&root, &[KEY], body).await;
        assert_eq!((answer.status, answer.text("error")), (422, "invalid_request"), "{body}");
        assert!(answer.detail().contains("idempotency key"), "{answer:?}");
    }
    assert_eq!(running.issue_by(&root, &[KEY], r#"{"expire":"1h","user":"ci"}"#).await.status, 201);
    assert_eq!(running.tokens.store().list(&root.grant.subject).await.unwrap().grants.len(), 2);
}

#[tokio::test]
async fn what_is_no_key_is_400_and_issues_nothing() {
    let running = Running::new();
    let root = running.issue("root", &[]).await;
    for keys in [&[""][..], &["\"\""], &["\"open"], &["a, b"], &[KEY, KEY]] {
        let answer = running.issue_by(&root, keys, HOUR).await;
        assert!(answer.status == 400 && answer.detail().starts_with("Idempotency-Key: "), "{answer:?}");
    }
    assert_eq!(running.tokens.store().list(&root.grant.subject).await.unwrap().grants.len(), 1);
}

#[tokio::test]
async fn a_repeat_says_that_the_token_was_revoked_meanwhile() {
    let running = Running::new();
    let root = running.issue("root", &[]).await;
    let first = running.issue_by(&root, &[KEY], HOUR).await;
    let revocation = Revocation { by: "ops".parse().ok(), why: "lost".parse().ok() };
    let _ = running.tokens.store().revoke(first.text("id").parse().unwrap(), &revocation).await.unwrap();
    let again = running.issue_by(&root, &[KEY], HOUR).await;
    assert_eq!((again.status, again.text("state"), again.text("why")), (200, "revoked", "lost"));
    assert_eq!((again.text("id"), again.json.get("token")), (first.text("id"), None));
}

#[tokio::test]
async fn a_token_is_confirmed_for_those_who_may_know_of_it() {
    let running = Running::new();
    let (root, ci) = (running.issue("root", &[]).await, running.issue("ci", &[]).await);
    let path = format!("/{}/confirm", ci.grant.id);
    for caller in [&root, &ci] {
        let answer = running.rest(caller, "POST", &path).await;
        assert_eq!((answer.status, answer.text("state")), (200, "live"));
        assert_eq!(answer.json["confirmation"]["level"], "local");
    }
    let other = running.issue("other", &[]).await;
    assert_eq!(running.rest(&other, "POST", &path).await.status, 404);
    let _ = running.tokens.store().revoke(ci.grant.id, &Revocation::default()).await.unwrap();
    assert_eq!(running.rest(&root, "POST", &path).await.text("state"), "revoked");
    let never_issued = format!("/{}/confirm", "0".repeat(28));
    assert_eq!(running.rest(&root, "POST", &never_issued).await.status, 404);
}
