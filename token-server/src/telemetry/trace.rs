//! Spans for traces: one of each request, and below it one of each thing that the store is asked for it.
//!
//! That of a request has its route (the pattern), its method and its status; never its path, query, headers or body, which may
//! hold a token. That of the store has the operation, what came of it, and the public id of the token. Users are not named.

use http::HeaderMap;
use token_core::{StoreError, TokenId};
use tracing::Span;
use tracing::field::Empty;

/// The target of all spans, by which a subscriber picks them.
pub(crate) const TARGET: &str = "token::trace";

/// The name of the spans of requests and gRPC calls, below which all others are.
pub(crate) const REQUEST: &str = "request";

/// Joins the span of a request to the trace that its headers name (`traceparent` of W3C Trace Context), or begins a
/// trace, and answers the id of that trace.
pub type Join = fn(&Span, &HeaderMap) -> Option<String>;

/// The span of one request, and the trace it is part of.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) span: Span,
    pub(crate) trace_id: Option<String>,
}

impl Request {
    /// Of an HTTP request. Without tracing, there is none.
    pub(crate) fn http(join: Option<Join>, method: &str, route: Option<&str>, headers: &HeaderMap) -> Self {
        Self::joined(join, headers, || {
            let name = route.map_or_else(|| method.to_owned(), |route| format!("{method} {route}"));
            tracing::debug_span!(
                target: TARGET,
                REQUEST,
                otel.name = name,
                otel.kind = "server",
                otel.status_code = Empty,
                http.request.method = method,
                http.route = route,
                http.response.status_code = Empty,
            )
        })
    }

    /// Of a gRPC call.
    pub(crate) fn grpc(join: Option<Join>, method: Option<&str>, headers: &HeaderMap) -> Self {
        Self::joined(join, headers, || {
            tracing::debug_span!(
                target: TARGET,
                REQUEST,
                otel.name = method.unwrap_or("grpc"),
                otel.kind = "server",
                otel.status_code = Empty,
                rpc.system = "grpc",
                rpc.method = method,
                rpc.grpc.status_code = Empty,
            )
        })
    }

    fn joined(join: Option<Join>, headers: &HeaderMap, span: impl FnOnce() -> Span) -> Self {
        let Some(join) = join else { return Self { span: Span::none(), trace_id: None } };
        let span = span();
        let trace_id = join(&span, headers);
        Self { span, trace_id }
    }

    /// How it was answered, in the words of its protocol.
    pub(crate) fn answered(&self, status: &str, code: i64, is_error: bool) {
        self.span.record(status, code);
        if is_error {
            self.span.record("otel.status_code", "ERROR");
        }
    }
}

/// The span of something that the store is asked.
pub(crate) fn store(operation: &'static str, token_id: Option<TokenId>) -> Span {
    tracing::debug_span!(
        target: TARGET,
        "store",
        otel.name = operation,
        otel.kind = "client",
        otel.status_code = Empty,
        operation,
        token_id = token_id.map(tracing::field::display),
        outcome = Empty,
        error.type = Empty,
    )
}

/// What came of it.
pub(crate) fn came_of_it(span: &Span, outcome: Result<&'static str, &StoreError>) {
    match outcome {
        Ok(outcome) => span.record("outcome", outcome),
        Err(error) => span.record("error.type", error.kind().code()).record("otel.status_code", "ERROR"),
    };
}
