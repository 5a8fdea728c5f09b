//! Pages of other origins.

use axum::body::Body;
use http::{Request, Response};
use token_core::KeyRing;
use token_core::spi::MemoryStore;

use crate::kit::*;

fn allowing(origins: &[&str]) -> Running {
    let store = MemoryStore::new(std::sync::Arc::new(KeyRing::public()));
    let origins = origins.iter().map(|origin| origin.parse().unwrap()).collect();
    Running::with(std::sync::Arc::new(store), |sidecar| sidecar.cors_origins = origins)
}

async fn preflight(running: &Running, path: &str, origin: &str) -> Response<String> {
    let request = Request::options(path)
        .header("origin", origin)
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "authorization,content-type");
    running.send(request.body(Body::empty()).unwrap()).await
}

fn allowed<'a>(answer: &'a Response<String>, what: &str) -> Option<&'a str> {
    answer.headers().get(format!("access-control-allow-{what}")).map(|value| value.to_str().unwrap())
}

#[tokio::test]
async fn no_page_of_another_origin_is_allowed_by_default() {
    let running = Running::new();
    let answer = preflight(&running, "/v1/tokens", "https://app.example").await;
    assert_eq!((answer.status().as_u16(), allowed(&answer, "origin")), (405, None));
}

#[tokio::test]
async fn a_preflight_of_a_listed_origin_is_answered_without_a_token() {
    let running = allowing(&["https://app.example", "http://localhost:3000"]);
    for path in ["/v1/tokens", "/v1/tokens/x", "/introspect", "/revoke"] {
        for origin in ["https://app.example", "http://localhost:3000"] {
            let answer = preflight(&running, path, origin).await;
            assert_eq!((answer.status().as_u16(), allowed(&answer, "origin")), (200, Some(origin)), "{path}");
            assert!(allowed(&answer, "methods").unwrap().contains("POST"));
            assert!(allowed(&answer, "headers").unwrap().contains("authorization"));
            assert_eq!(allowed(&answer, "credentials"), None);
        }
        let other = preflight(&running, path, "https://app.example.evil").await;
        assert_eq!(allowed(&other, "origin"), None, "{path}");
    }
}

#[tokio::test]
async fn a_page_of_a_listed_origin_reads_answers_and_refusals() {
    let running = allowing(&["https://app.example"]);
    let issued = running.issue("admin", &[]).await;
    for (token, status) in [(bearer(&issued), 200), ("Bearer tok_x".into(), 401)] {
        let headers = [("authorization", token.as_str()), ("origin", "https://app.example")];
        let answer = running.auth("/v1/tokens", &headers).await;
        assert_eq!(answer.status(), status);
        assert_eq!(allowed(&answer, "origin"), Some("https://app.example"));
    }
}

#[tokio::test]
async fn proxies_are_asked_nothing_else_with_origins_listed() {
    let running = allowing(&["*"]);
    let answer = preflight(&running, "/auth", "https://app.example").await;
    assert_eq!((answer.status().as_u16(), allowed(&answer, "origin")), (401, None));
    assert_eq!(allowed(&preflight(&running, "/revoke", "https://any.example").await, "origin"), Some("*"));
}

#[tokio::test]
async fn no_page_is_allowed_what_watches_over_the_process() {
    let running = allowing(&["*"]);
    for path in ["/metrics", "/healthz", "/readyz"] {
        let answer = preflight(&running, path, "https://app.example").await;
        assert_eq!((answer.status().as_u16(), allowed(&answer, "origin")), (405, None), "{path}");
        let answer = running.auth(path, &[("origin", "https://app.example")]).await;
        assert_eq!((answer.status().as_u16(), allowed(&answer, "origin")), (200, None), "{path}");
    }
}
