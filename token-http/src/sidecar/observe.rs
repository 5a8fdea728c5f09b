//! What is counted and logged of each request: never its query, its headers or its body, which may hold a token.

use std::time::Instant;

use axum::extract::{MatchedPath, Request};
use axum::middleware::Next;
use axum::response::Response;
use metrics::{counter, histogram};

use super::forward_auth::ID;

/// Counts and times a request, and writes a line of the access log.
pub(super) async fn observe(request: Request, next: Next) -> Response {
    let began = Instant::now();
    let method = request.method().clone();
    // The pattern, not the path: what is in the path is the client's.
    let route = request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str).to_owned();
    let response = next.run(request).await;
    let (status, took) = (response.status().as_u16(), began.elapsed());
    let token_id = response.headers().get(ID).and_then(|id| id.to_str().ok());
    tracing::info!(target: "access", %method, route, status, micros = took.as_micros(), token_id, "answered");
    let method = if method.as_str().len() <= 7 { method.to_string() } else { "other".into() };
    counter!("http_requests_total", "route" => route.clone(), "method" => method, "status" => status.to_string())
        .increment(1);
    histogram!("http_request_seconds", "route" => route).record(took);
    response
}
