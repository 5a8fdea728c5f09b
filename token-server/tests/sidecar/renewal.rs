//! A refused use does not prolong a token: that of the caller is renewed when the request is admitted, and not before.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{Method, Request};
use token_core::spi::{ManualClock, MemoryStore, TokenStore};
use token_core::{Access, Issued, KeyRing, Lifetime, Requirement, Timestamp};

use crate::kit::*;

/// A sidecar on a store whose clock the test moves.
struct Office {
    running: Running,
    clock: Arc<ManualClock>,
}

const FORM: &str = "application/x-www-form-urlencoded";

impl Office {
    fn open() -> Self {
        let clock = Arc::new(ManualClock::new(Timestamp::from_millis(1_000_000)));
        let store: Arc<dyn TokenStore> =
            Arc::new(MemoryStore::with_clock(Arc::new(KeyRing::public()), clock.clone()));
        Self { running: Running::on(store), clock }
    }

    async fn ends(&self, token: &Issued) -> Timestamp {
        let verdict =
            self.running.tokens.peek(token.token.expose_secret(), &Requirement::any()).await.unwrap();
        verdict.grant().unwrap().expires_at
    }

    /// The status of the answer to this request of the caller, and whether it has prolonged their token.
    async fn asks(&self, caller: &Issued, request: (Method, &str, &str, &str)) -> (u16, bool) {
        self.asks_by(caller, &bearer(caller), request).await
    }

    async fn asks_by(
        &self,
        caller: &Issued,
        authorization: &str,
        (method, path, media_type, body): (Method, &str, &str, &str),
    ) -> (u16, bool) {
        self.clock.advance(Duration::from_secs(1));
        let before = self.ends(caller).await;
        let request = Request::builder().method(method).uri(path);
        let request = request.header("authorization", authorization).header("content-type", media_type);
        let answer = self.running.send(request.body(Body::from(body.to_owned())).unwrap()).await;
        (answer.status().as_u16(), self.ends(caller).await > before)
    }
}

const JSON: &str = "application/json";

#[tokio::test]
async fn what_policy_refuses_prolongs_nothing() {
    let office = Office::open();
    let (ann, restricted) =
        (office.running.issue("ann", &[]).await, office.running.issue("ann", &[FILE]).await);
    let bob = office.running.issue("bob", &[]).await;
    let text = format!("token={}", bob.token.expose_secret());
    let of_bob = format!("/v1/tokens/{}", bob.grant.id);
    let confirm = format!("{of_bob}/confirm");
    let for_bob = r#"{"user":"bob","expire":"1h"}"#;
    for (caller, request, status) in [
        (&ann, (Method::POST, "/introspect", FORM, &*text), 403),
        (&ann, (Method::POST, "/v1/tokens", JSON, for_bob), 403),
        (&ann, (Method::GET, "/v1/tokens?user=bob", JSON, ""), 403),
        (&ann, (Method::DELETE, "/v1/tokens?user=bob", JSON, ""), 403),
        (&ann, (Method::GET, &of_bob, JSON, ""), 404),
        (&ann, (Method::DELETE, &of_bob, JSON, ""), 404),
        (&ann, (Method::POST, &confirm, JSON, ""), 404),
        (&restricted, (Method::POST, "/v1/tokens", JSON, r#"{"expire":"1h"}"#), 403),
        (&restricted, (Method::DELETE, "/v1/tokens?user=ann", JSON, ""), 403),
    ] {
        assert_eq!(office.asks(caller, request.clone()).await, (status, false), "{request:?}");
    }
}

#[tokio::test]
async fn a_malformed_request_prolongs_nothing() {
    let office = Office::open();
    let ann = office.running.issue("ann", &[]).await;
    let own = format!("/v1/tokens/{}", ann.grant.id);
    for (request, status) in [
        ((Method::GET, "/v1/tokens?limit=0", JSON, ""), 400),
        ((Method::GET, "/v1/tokens?cursor=x", JSON, ""), 400),
        ((Method::DELETE, "/v1/tokens", JSON, ""), 400),
        ((Method::POST, "/v1/tokens", JSON, "{}"), 400),
        ((Method::POST, "/v1/tokens", FORM, "{}"), 415),
        ((Method::GET, "/v1/tokens/x", JSON, ""), 400),
        ((Method::GET, &format!("{own}?a=b"), JSON, ""), 400),
        ((Method::DELETE, &format!("{own}?a=b"), JSON, ""), 400),
        ((Method::POST, &format!("{own}/confirm?a=b"), JSON, ""), 400),
        ((Method::POST, "/introspect", FORM, "token="), 400),
    ] {
        assert_eq!(office.asks(&ann, request.clone()).await, (status, false), "{request:?}");
        let no_token = "Bearer tok_nothing";
        if request.1 != "/introspect" {
            assert_eq!(office.asks_by(&ann, no_token, request.clone()).await, (401, false), "{request:?}");
        }
    }
}

#[tokio::test]
async fn what_is_admitted_renews_the_callers_token() {
    let office = Office::open();
    let (root, files) = (office.running.issue("root", &[]).await, office.running.issue("files", &[]).await);
    let (ann, bob) = (office.running.issue("ann", &[]).await, office.running.issue("bob", &[]).await);
    let text = format!("token={}", bob.token.expose_secret());
    let of = |token: &Issued| format!("/v1/tokens/{}", token.grant.id);
    let confirm = format!("{}/confirm", of(&bob));
    for (caller, request, status) in [
        (&files, (Method::POST, "/introspect", FORM, &*text), 200),
        (&ann, (Method::POST, "/revoke", FORM, "token=x"), 200),
        (&ann, (Method::GET, "/v1/tokens", JSON, ""), 200),
        (&ann, (Method::GET, &of(&ann), JSON, ""), 200),
        (&ann, (Method::POST, "/v1/tokens", JSON, r#"{"expire":"1h"}"#), 201),
        (&root, (Method::POST, &confirm, JSON, ""), 200),
        (&root, (Method::DELETE, &of(&bob), JSON, ""), 200),
        (&root, (Method::DELETE, "/v1/tokens?user=bob", JSON, ""), 200),
    ] {
        assert_eq!(office.asks(caller, request.clone()).await, (status, true), "{request:?}");
    }
    let shown = office.running.rest(&ann, "GET", &format!("/{}", ann.grant.id)).await;
    assert_eq!(shown.text("expires_at"), office.ends(&ann).await.to_string(), "it is shown as renewed");
}

#[tokio::test]
async fn a_form_encoded_name_is_compared_before_the_renewal() {
    let office = Office::open();
    let lifetime = Lifetime::sliding("10m".parse().unwrap());
    let client = office.running.issue_for("a b", Access::Full, lifetime).await;
    let basic =
        |user: &str| format!("Basic {}", STANDARD.encode(format!("{user}:{}", client.token.expose_secret())));
    let revoke = (Method::POST, "/revoke", FORM, "token=x");
    for (user, answer) in
        [("a b", (200, true)), ("a+b", (200, true)), ("a%20b", (200, true)), ("a%2Bb", (401, false))]
    {
        assert_eq!(office.asks_by(&client, &basic(user), revoke.clone()).await, answer, "{user}");
    }
}
