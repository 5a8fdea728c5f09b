//! What is counted and logged of each request: never its query, its headers or its body, which may hold a token.

use std::time::Instant;

use axum::extract::{MatchedPath, Request};
use axum::middleware::Next;
use axum::response::Response;
use http::Method;
use metrics::{counter, histogram};

use super::forward_auth::ID;

/// Counts and times a request, and writes a line of the access log.
pub(super) async fn observe(request: Request, next: Next) -> Response {
    let began = Instant::now();
    let method = known(request.method());
    // The pattern, not the path: what is in the path is the client's.
    let route = request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str).to_owned();
    let response = next.run(request).await;
    let (status, took) = (response.status().as_u16(), began.elapsed());
    let token_id = response.headers().get(ID).and_then(|id| id.to_str().ok());
    tracing::info!(target: "access", method, route, status, micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX), token_id, "answered");
    counter!("http_requests_total", "route" => route.clone(), "method" => method, "status" => status.to_string())
        .increment(1);
    histogram!("http_request_seconds", "route" => route).record(took);
    response
}

/// A client may call its method whatever it likes, a token for one.
fn known(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        "PATCH" => "PATCH",
        "PROPFIND" => "PROPFIND",
        _ => "other",
    }
}
