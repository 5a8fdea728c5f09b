//! `/v1/tokens` for administrators, who may do everything.

use serde_json::json;
use token_core::spi::TokenStore;
use token_core::{Access, Lifetime, TokenStatus};

use crate::kit::*;

#[tokio::test]
async fn an_administrator_issues_for_any_user_and_gets_the_location() {
    let running = Running::new();
    let root = running.issue("root", &[]).await;
    let body = json!({"user": "Zoë", "expire": "24h", "auto": "600", "scopes": [FILE], "label": "ci"});
    let answer = running.rest_with(&root, "POST", "", &body.to_string()).await;
    assert_eq!(answer.status, 201);
    let id = answer.text("id");
    assert_eq!(answer.headers["location"], format!("/v1/tokens/{id}"));
    assert!(running.counts(answer.text("token")).await);

    let TokenStatus::Live(grant) = running.tokens.store().show(id.parse().unwrap()).await.unwrap() else {
        panic!("it is live")
    };
    assert_eq!((grant.subject.as_str(), grant.issuer.as_ref().unwrap().as_str()), ("Zoë", "root"));
    let lifetime = Lifetime::capped("10m".parse().unwrap(), "24h".parse().unwrap()).unwrap();
    assert_eq!(grant.deadlines, lifetime.starting(grant.issued_at));
    assert_eq!(grant.access, Access::from_scopes(vec![FILE.parse().unwrap()]).unwrap());
}

#[tokio::test]
async fn the_answer_to_an_issue_has_grant_token_and_confirmation() {
    let running = Running::new();
    let root = running.issue("root", &[]).await;
    let mut answer = running.rest_with(&root, "POST", "", r#"{"expire":"1h"}"#).await;
    let shown = running.rest(&root, "GET", &format!("/{}", answer.text("id"))).await;
    let more = ["token", "confirmation", "shortened"]
        .map(|name| answer.json.as_object_mut().unwrap().remove(name).unwrap());
    assert_eq!(answer.json, shown.json);
    assert_eq!((&more[1]["confirmed"], &more[2]), (&json!(true), &json!(false)));
}

#[tokio::test]
async fn an_administrator_is_not_bound_by_their_own_tokens_lifetime() {
    let running = Running::new();
    let root = running.issue("root", &[]).await;
    let answer = running.rest_with(&root, "POST", "", r#"{"user":"ci","expire":"28d"}"#).await;
    assert_eq!((answer.status, &answer.json["sliding_window_seconds"]), (201, &json!(null)));
    assert_eq!(answer.json["shortened"], json!(false));
}

#[tokio::test]
async fn a_token_is_shown_in_the_form_that_it_has_everywhere() {
    let running = Running::new();
    let (root, issued) = (running.issue("root", &[]).await, running.issue("admin", &[FILE]).await);
    let answer = running.rest(&root, "GET", &format!("/{}", issued.grant.id)).await;
    assert_eq!((answer.status, answer.json), (200, json!(issued.grant)));
}

#[tokio::test]
async fn a_revoked_token_is_gone_and_its_end_is_explained() {
    let running = Running::new();
    let (root, issued) = (running.issue("root", &[]).await, running.issue("admin", &[]).await);
    let path = format!("/{}", issued.grant.id);
    let answer = running.rest(&root, "DELETE", &format!("{path}?why=laptop%20lost")).await;
    assert_eq!((answer.status, answer.text("outcome")), (200, "revoked"));
    assert_eq!(answer.json["confirmation"]["confirmed"], json!(true));
    assert!(!running.counts(issued.token.expose_secret()).await);

    let answer = running.rest(&root, "GET", &path).await;
    assert_eq!((answer.status, answer.text("error")), (410, "revoked"));
    let tombstone = &answer.json["tombstone"];
    assert_eq!((&tombstone["user"], &tombstone["revoked_by"]), (&json!("admin"), &json!("root")));
    assert_eq!(tombstone["why"], json!("laptop lost"));
}

#[tokio::test]
async fn a_revocation_may_be_repeated() {
    let running = Running::new();
    let (root, issued) = (running.issue("root", &[]).await, running.issue("admin", &[]).await);
    for outcome in ["revoked", "already_revoked", "already_revoked"] {
        let answer = running.rest(&root, "DELETE", &format!("/{}", issued.grant.id)).await;
        assert_eq!((answer.status, answer.text("outcome")), (200, outcome));
    }
}

#[tokio::test]
async fn what_was_never_issued_is_not_there() {
    let running = Running::new();
    let root = running.issue("root", &[]).await;
    for method in ["GET", "DELETE"] {
        let answer = running.rest(&root, method, "/5440vjeh809ehv75b4tzwf83gfp0").await;
        assert_eq!((answer.status, answer.text("error")), (404, "not_found"), "{method}");
    }
}

#[tokio::test]
async fn all_tokens_of_a_user_are_revoked_at_once() {
    let running = Running::new();
    let root = running.issue("root", &[]).await;
    let (one, other) = (running.issue("ci", &[]).await, running.issue("ci", &[FILE]).await);
    let answer = running.rest(&root, "DELETE", "?user=ci&why=left").await;
    assert_eq!((answer.status, answer.text("user")), (200, "ci"));
    let mut revoked: Vec<_> =
        answer.json["revoked"].as_array().unwrap().iter().map(|id| id.as_str().unwrap().to_owned()).collect();
    let mut ids = [one.grant.id.to_string(), other.grant.id.to_string()];
    revoked.sort_unstable();
    ids.sort_unstable();
    assert_eq!(revoked, ids);
    assert!(running.counts(root.token.expose_secret()).await, "another user's is left alone");
    assert_eq!(running.rest(&root, "DELETE", "?user=ci").await.json["revoked"], json!([]));
}

#[tokio::test]
async fn a_revocation_without_a_user_is_refused_and_revokes_nothing() {
    let running = Running::new();
    let root = running.issue("root", &[]).await;
    let answer = running.rest(&root, "DELETE", "?why=oops").await;
    assert!(answer.status == 400 && answer.detail().starts_with("user: "), "{answer:?}");
    assert!(running.counts(root.token.expose_secret()).await);
}

#[tokio::test]
async fn a_listing_has_the_tokens_of_one_user_oldest_first() {
    let running = Running::new();
    let root = running.issue("root", &[]).await;
    let own = [running.issue("ci", &[]).await.grant, running.issue("ci", &[FILE]).await.grant];
    let answer = running.rest(&root, "GET", "?user=ci").await;
    let mut expected = own.to_vec();
    token_core::Grant::sort_oldest_first(&mut expected);
    assert_eq!(
        (answer.status, answer.json),
        (200, json!({"tokens": expected, "unreadable": [], "next_cursor": null}))
    );
    let own = running.rest(&root, "GET", "").await;
    assert_eq!(own.json["tokens"][0]["id"], json!(root.grant.id.to_string()));
    assert_eq!(running.rest(&root, "GET", "?user=nobody").await.json["tokens"], json!([]));
}

/// Walks a listing while one token of each page is revoked and a new one is issued.
#[tokio::test]
async fn a_walk_of_pages_meets_each_token_that_stays_exactly_once() {
    let running = Running::new();
    let root = running.issue("root", &[]).await;
    for _ in 0..20 {
        running.issue("ci", &[]).await;
    }
    let stay: Vec<_> = running
        .tokens
        .store()
        .list(&"ci".parse().unwrap())
        .await
        .unwrap()
        .grants
        .iter()
        .map(|g| g.id.to_string())
        .collect();
    let (mut met, mut cursor, mut revoked) = (Vec::new(), String::new(), Vec::new());
    loop {
        let answer = running.rest(&root, "GET", &format!("?user=ci&limit=3{cursor}")).await;
        let page = answer.json["tokens"].as_array().unwrap();
        assert!(page.len() == 3 || answer.json["next_cursor"].is_null(), "{}", answer.json);
        met.extend(page.iter().map(|token| token["id"].as_str().unwrap().to_owned()));
        let Some(next) = answer.json["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
        // One that is still to come, and on every other page the one that the cursor names.
        let ahead = stay[met.len().min(19)].clone();
        let named = met.last().filter(|_| met.len().is_multiple_of(2)).cloned();
        for gone in named.into_iter().chain([ahead]) {
            running.rest(&root, "DELETE", &format!("/{gone}")).await;
            revoked.push(gone);
        }
    }
    let walked: std::collections::HashSet<_> = met.iter().collect();
    assert_eq!(walked.len(), met.len(), "none twice");
    assert!(stay.iter().all(|id| walked.contains(id) || revoked.contains(id)), "none is left out");
}
