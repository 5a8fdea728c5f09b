//! OAuth 2 clients: how they authenticate, and in which words they are rejected.

use std::sync::Arc;

use axum::body::Body;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{Request, Response};
use serde_json::{Value, json};
use token_core::spi::{ManualClock, MemoryStore, TokenStore};
use token_core::{Access, Issued, KeyRing, Lifetime, Timestamp, TokenStatus};
use token_server::Issuer;

use crate::kit::*;

fn basic(user: &str, secret: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{secret}")))
}

fn text(issued: &Issued) -> &str {
    issued.token.expose_secret()
}

fn encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

async fn post(running: &Running, uri: &str, authorization: Option<&str>, form: &str) -> Response<String> {
    let mut request =
        Request::post(uri).header("content-type", "application/x-www-form-urlencoded;charset=UTF-8");
    if let Some(authorization) = authorization {
        request = request.header("authorization", authorization);
    }
    running.send(request.body(form.to_owned().into()).unwrap()).await
}

fn json(answer: &Response<String>) -> Value {
    assert_eq!(answer.headers()["content-type"], "application/json", "{answer:?}");
    serde_json::from_str(answer.body()).unwrap()
}

#[tokio::test]
async fn what_a_token_does_not_have_is_left_out() {
    let running = Running::new();
    let issued = running.issue("admin", &[]).await;
    let answer = running.introspect(&issued).await;
    let members = answer.as_object().unwrap();
    assert_eq!((&answer["active"], &answer["sub"]), (&json!(true), &json!("admin")));
    assert!(members.values().all(|value| !value.is_null()) && !members.contains_key("max_exp"), "{answer}");
    let hard = Lifetime::hard("1h".parse().unwrap());
    let capped = running.issue_for("admin", Access::Full, hard).await;
    let answer = running.introspect(&capped).await;
    let end = capped.grant.expires_at.as_millis() / 1000;
    assert_eq!((&answer["active"], &answer["max_exp"]), (&json!(true), &json!(end)));
}

#[tokio::test]
async fn a_client_authenticates_in_the_form() {
    let running = Running::new();
    let (files, token) = (running.issue("files", &[]).await, running.issue("admin", &[]).await);
    let form = |id: &str, secret: &str| {
        format!("client_id={}&client_secret={}&token={}", encoded(id), encoded(secret), text(&token))
    };
    let answer = post(&running, "/introspect", None, &form("files", text(&files))).await;
    assert_eq!(json(&answer)["active"], json!(true));
    for (form, status, code) in [
        (form("root", text(&files)), 401, "invalid_client"),
        (form("files", "tok_x"), 401, "invalid_client"),
        (form("files", ""), 401, "invalid_client"),
        (form("files", &format!("{}\n", text(&files))), 400, "invalid_request"),
        (form("files", &format!("\"{}\"", text(&files))), 400, "invalid_request"),
        (format!("token={}", text(&token)), 401, "invalid_client"),
        (format!("client_id=files&token={}", text(&token)), 401, "invalid_client"),
        (format!("client_secret={}&token=x", text(&files)), 400, "invalid_request"),
        (form("files", text(&files)) + "&client_id=files", 400, "invalid_request"),
        (form("files", text(&files)) + "&token=x", 400, "invalid_request"),
        (form("admin", text(&token)), 403, "unauthorized_client"),
    ] {
        let answer = post(&running, "/introspect", None, &form).await;
        assert_eq!((answer.status().as_u16(), &json(&answer)["error"]), (status, &json!(code)), "{form}");
        assert!(json(&answer)["error_description"].is_string());
        assert_eq!(answer.headers().contains_key("www-authenticate"), status == 401);
    }
}

#[tokio::test]
async fn a_client_that_authenticates_twice_is_refused() {
    let running = Running::new();
    let files = running.issue("files", &[]).await;
    let form = format!("client_id=files&client_secret={}&token=x", text(&files));
    for header in [bearer(&files), basic("files", text(&files))] {
        let answer = post(&running, "/introspect", Some(&header), &form).await;
        assert_eq!((answer.status().as_u16(), &json(&answer)["error"]), (400, &json!("invalid_request")));
        let alone = post(&running, "/introspect", Some(&header), "client_id=files&token=x").await;
        assert_eq!(alone.status(), 200, "a name is no second credential");
    }
}

/// RFC 6749 has user and password encoded before Basic encodes them; most clients leave that out.
#[tokio::test]
async fn client_credentials_are_taken_with_and_without_form_encoding() {
    let store = || Arc::new(MemoryStore::new(Arc::new(KeyRing::public())));
    for user in ["files", "a b+c", "Zoë%20", "cn=files,ou=x&y"] {
        let running =
            Running::with(store(), |sidecar| sidecar.introspectors = [user.parse().unwrap()].into());
        let issued = running.issue(user, &[]).await;
        let everything_encoded = text(&issued).replace('_', "%5F");
        for header in [
            basic(user, text(&issued)),
            basic(&encoded(user), text(&issued)),
            basic(&encoded(user), &everything_encoded),
        ] {
            let answer = post(&running, "/introspect", Some(&header), "token=x").await;
            assert_eq!(answer.status(), 200, "{user}: {}", answer.body());
        }
        for other in ["a+b+c", "Zo%20", "files%00", "%66iles%20"] {
            let answer = post(&running, "/introspect", Some(&basic(other, text(&issued))), "token=x").await;
            assert_eq!(
                (answer.status().as_u16(), &json(&answer)["error"]),
                (401, &json!("invalid_client")),
                "{other}"
            );
        }
    }
}

#[tokio::test]
async fn a_refused_client_prolongs_nothing() {
    let clock = Arc::new(ManualClock::new(Timestamp::from_millis(1_800_000_000_000)));
    let running = Running::on(Arc::new(MemoryStore::with_clock(Arc::new(KeyRing::public()), clock.clone())));
    let files = running.issue("files", &[]).await;
    clock.advance(std::time::Duration::from_secs(540));
    let form = format!("client_id=root&client_secret={}&token=x", text(&files));
    assert_eq!(post(&running, "/introspect", None, &form).await.status(), 401);
    let header = basic("r%6Fot", text(&files));
    assert_eq!(post(&running, "/introspect", Some(&header), "token=x").await.status(), 401);
    clock.advance(std::time::Duration::from_secs(90));
    assert!(!running.counts(text(&files)).await, "it died on time");
}

#[tokio::test]
async fn a_malformed_form_prolongs_nothing() {
    let clock = Arc::new(ManualClock::new(Timestamp::from_millis(1_800_000_000_000)));
    let running = Running::on(Arc::new(MemoryStore::with_clock(Arc::new(KeyRing::public()), clock.clone())));
    let files = running.issue("files", &[]).await;
    clock.advance(std::time::Duration::from_secs(540));
    for uri in ["/introspect", "/revoke"] {
        for form in ["", "token=", "token=a&token=b", "client_secret=x&token=x"] {
            for header in [bearer(&files), basic("files", text(&files))] {
                assert_eq!(post(&running, uri, Some(&header), form).await.status(), 400, "{uri} {form}");
            }
        }
    }
    clock.advance(std::time::Duration::from_secs(90));
    assert!(!running.counts(text(&files)).await, "it died on time");
}

#[tokio::test]
async fn an_unreadable_basic_header_is_an_invalid_client() {
    let running = Running::new();
    for uri in ["/introspect", "/revoke"] {
        for header in ["Basic !!!", "Basic YTpi,", "Basic", "Basic YQ==", "Basic Og=="] {
            let answer = post(&running, uri, Some(header), "token=x").await;
            assert_eq!(
                (answer.status().as_u16(), &json(&answer)["error"]),
                (401, &json!("invalid_client")),
                "{uri} {header}"
            );
            let challenge = answer.headers()["www-authenticate"].to_str().unwrap();
            assert!(challenge.starts_with("Basic "), "{challenge}");
        }
    }
}

#[tokio::test]
async fn any_caller_can_revoke_a_token_by_presenting_its_text() {
    let running = Running::new();
    let bob = running.issue("bob", &[FILE]).await;
    for header in [bearer(&bob), basic("bob", text(&bob))] {
        let alice = running.issue("alice", &[]).await;
        let form = format!("token={}", text(&alice));
        assert_eq!(post(&running, "/revoke", Some(&header), &form).await.status(), 200);
        assert!(!running.counts(text(&alice)).await);
        let TokenStatus::Revoked(tombstone) = running.tokens.store().show(alice.grant.id).await.unwrap()
        else {
            panic!("it is on record")
        };
        assert_eq!(tombstone.revocation.by.unwrap().as_str(), "bob");
    }
}

#[tokio::test]
async fn a_rejection_is_in_the_words_of_the_scheme() {
    let running = Running::new();
    let (files, admin) = (running.issue("files", &[]).await, running.issue("admin", &[]).await);
    for (authorization, form, status, code) in [
        (Some("Bearer tok_x".to_owned()), "token=x", 401, "invalid_token"),
        (Some("Bearer".into()), "token=x", 400, "invalid_request"),
        (Some(bearer(&admin)), "token=x", 403, "insufficient_scope"),
        (Some(basic("root", text(&files))), "token=x", 401, "invalid_client"),
        (Some(basic("admin", text(&admin))), "token=x", 403, "unauthorized_client"),
        (Some("Digest x".into()), "token=x", 401, "invalid_client"),
        (Some(bearer(&files)), "", 400, "invalid_request"),
        (Some(bearer(&files)), "token=", 400, "invalid_request"),
        (Some(bearer(&files)), "token=a&token=b", 400, "invalid_request"),
        (Some(bearer(&files)), "token=a&token_type_hint=a&token_type_hint=b", 400, "invalid_request"),
    ] {
        let answer = post(&running, "/introspect", authorization.as_deref(), form).await;
        let answered = json(&answer);
        assert_eq!(
            (answer.status().as_u16(), &answered["error"]),
            (status, &json!(code)),
            "{authorization:?}"
        );
        assert!(!answered["error_description"].as_str().unwrap().contains('"'));
        let challenges = answer.headers().get_all("www-authenticate").iter().count();
        assert_eq!(
            challenges > 0,
            status == 401 || code == "invalid_request" && form == "token=x",
            "{answer:?}"
        );
    }
    for uri in ["/introspect", "/revoke"] {
        let answer = running.auth(uri, &[]).await;
        assert_eq!((answer.status().as_u16(), &answer.headers()["allow"]), (405, &"POST".parse().unwrap()));
    }
}

#[tokio::test]
async fn a_token_revokes_itself_and_nothing_else() {
    let running = Running::new();
    for (scopes, extra) in [(&[][..], ""), (&[FILE], "&token_type_hint=refresh_token"), (&[], "&client_id=x")]
    {
        let (own, other) = (running.issue("admin", scopes).await, running.issue("admin", &[]).await);
        let form = format!("token={}{extra}", text(&own));
        for _ in 0..2 {
            let answer = post(&running, "/revoke", None, &form).await;
            assert_eq!((answer.status().as_u16(), answer.body().as_str()), (200, ""), "{extra}");
        }
        assert!(!running.counts(text(&own)).await);
        assert!(running.counts(text(&other)).await);
        let TokenStatus::Revoked(tombstone) = running.tokens.store().show(own.grant.id).await.unwrap() else {
            panic!("it is on record")
        };
        assert_eq!(tombstone.revocation.by.unwrap().as_str(), "admin");
    }
}

/// No credentials are needed to revoke, so the answer does not ask for them.
#[tokio::test]
async fn the_error_for_a_body_that_is_no_form_names_the_media_type() {
    let running = Running::new();
    for (uri, media_type, status) in [
        ("/revoke", None, 415),
        ("/revoke", Some("application/json"), 415),
        ("/introspect", Some("application/json"), 415),
        ("/introspect", None, 401),
    ] {
        let mut request = Request::post(uri);
        if let Some(media_type) = media_type {
            request = request.header("content-type", media_type);
        }
        let answer = running.send(request.body(r#"{"token":"x"}"#.into()).unwrap()).await;
        assert_eq!(answer.status(), status, "{uri} {media_type:?}");
        assert_eq!(answer.body().contains("x-www-form-urlencoded"), status == 415, "{}", answer.body());
    }
}

#[tokio::test]
async fn what_is_no_token_is_revoked_already() {
    let running = Running::new();
    let elsewhere = Running::new().issue("admin", &[]).await;
    for token in ["garbage", "tok_x", text(&elsewhere)] {
        assert_eq!(post(&running, "/revoke", None, &format!("token={token}")).await.status(), 200, "{token}");
    }
    for form in ["", "token=", "token_type_hint=x"] {
        assert_eq!(post(&running, "/revoke", None, form).await.status(), 400, "{form}");
    }
}

#[tokio::test]
async fn a_wrong_secret_is_not_taken_for_none() {
    let running = Running::new();
    let own = running.issue("admin", &[]).await;
    let form = format!("token={}", text(&own));
    let in_form = format!("{form}&client_id=admin&client_secret=tok_x");
    assert_eq!(post(&running, "/revoke", None, &in_form).await.status(), 401);
    for header in ["Bearer tok_x", "Digest x", &basic("admin", "tok_x")] {
        assert_eq!(post(&running, "/revoke", Some(header), &form).await.status(), 401, "{header}");
    }
    assert!(running.counts(text(&own)).await);
}

#[tokio::test]
async fn a_token_in_the_url_is_refused_at_the_endpoints() {
    let running = Running::new();
    let own = running.issue("files", &[]).await;
    for uri in ["/introspect", "/revoke"] {
        let answer = post(&running, &format!("{uri}?access_token={}", text(&own)), None, "token=x").await;
        assert_eq!(answer.status(), 400);
        assert!(!answer.body().contains(text(&own)));
    }
    assert!(running.counts(text(&own)).await);
}

async fn metadata(issuer: Issuer, path: &str, host: &str) -> (u16, Value) {
    let store = Arc::new(MemoryStore::new(Arc::new(KeyRing::public())));
    let running = Running::with(store, |sidecar| sidecar.issuer = issuer);
    let request = Request::get(format!("/.well-known/oauth-authorization-server{path}")).header("host", host);
    let answer = running.send(request.body(Body::empty()).unwrap()).await;
    (answer.status().as_u16(), serde_json::from_str(answer.body()).unwrap())
}

#[tokio::test]
async fn the_metadata_names_what_there_is() {
    let (status, document) = metadata(Issuer::OfHost { tls: false }, "", "tokens.example:8080").await;
    assert_eq!((status, &document["issuer"]), (200, &json!("http://tokens.example:8080")));
    assert_eq!(document["introspection_endpoint"], json!("http://tokens.example:8080/introspect"));
    assert_eq!(document["revocation_endpoint"], json!("http://tokens.example:8080/revoke"));
    let is_empty = |value: &Value| value.as_array().is_some_and(Vec::is_empty);
    assert!(!document.as_object().unwrap().values().any(is_empty), "{document}");
    for absent in ["token_endpoint", "authorization_endpoint", "jwks_uri"] {
        assert!(document.get(absent).is_none(), "{absent}");
    }
    assert!(document.as_object().unwrap().values().all(|value| !value.is_null()));
    let (_, secure) = metadata(Issuer::OfHost { tls: true }, "", "tokens.example").await;
    assert_eq!(secure["issuer"], json!("https://tokens.example"));
}

#[tokio::test]
async fn the_metadata_of_an_issuer_is_at_its_own_path() {
    let issuer = || "https://a.example/x/y".parse::<Issuer>().unwrap();
    for path in ["", "/x/y"] {
        let (status, document) = metadata(issuer(), path, "evil.example").await;
        assert_eq!((status, &document["issuer"]), (200, &json!("https://a.example/x/y")), "{path}");
    }
    for path in ["/x", "/x/y/z", "/", "/X/Y"] {
        assert_eq!(metadata(issuer(), path, "a.example").await.0, 404, "{path}");
    }
    assert_eq!(metadata("https://a.example".parse().unwrap(), "/x", "a.example").await.0, 404);
    for host in ["", "u@a.example", "a b", "a/b", "h:99999", "h:", "h:http", "[::1]:70000"] {
        assert_eq!(metadata(Issuer::default(), "", host).await.0, 400, "{host:?}");
    }
}
