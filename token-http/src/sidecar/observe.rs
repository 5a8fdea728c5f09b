//! What is counted, logged and traced of each request: never its query, its headers or its body, which may hold a token.

use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::Method;
use metrics::{counter, histogram};
use tracing::Instrument;

use super::forward_auth::ID;
use super::trace::{self, Join};

/// Counts, times and traces a request, and writes a line of the access log.
pub(super) async fn observe(State(join): State<Option<Join>>, request: Request, next: Next) -> Response {
    let began = Instant::now();
    let method = known(request.method());
    // The pattern, not the path: what is in the path is the client's.
    let matched = request.extensions().get::<MatchedPath>().cloned();
    let matched = matched.as_ref().map(MatchedPath::as_str);
    let traced = trace::Request::http(join, method, matched, request.headers());
    let response = next.run(request).instrument(traced.span.clone()).await;
    let (status, took) = (response.status().as_u16(), began.elapsed());
    traced.answered("http.response.status_code", status.into(), status >= 500);
    let token_id = response.headers().get(ID).and_then(|id| id.to_str().ok());
    let (route, micros) = (matched.unwrap_or("none"), u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
    let trace_id = traced.trace_id;
    tracing::info!(target: "access", method, route, status, micros, token_id, trace_id, "answered");
    let route = route.to_owned();
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
