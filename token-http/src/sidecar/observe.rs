//! What is counted, logged and traced of each request: never its query, its headers or its body, which may hold a token.

use std::time::Instant;

use axum::extract::MatchedPath;
use axum::response::Response;
use http::{HeaderMap, Method};
use tracing::Span;

use super::forward_auth::ID;
use super::meters::Meters;
use super::trace::{self, Join};

/// A request that is being answered.
pub(super) struct Observed {
    began: Instant,
    method: &'static str,
    route: Route,
    traced: trace::Request,
}

/// Which route a request took: its pattern, not its path, since what is in the path is the client's.
pub(super) enum Route {
    Known(&'static str),
    Matched(MatchedPath),
    None,
}

impl Route {
    fn pattern(&self) -> Option<&str> {
        match self {
            Self::Known(route) => Some(route),
            Self::Matched(route) => Some(route.as_str()),
            Self::None => None,
        }
    }
}

impl Observed {
    pub(super) fn begin(route: Route, method: &Method, headers: &HeaderMap, join: Option<Join>) -> Self {
        let (began, method) = (Instant::now(), known(method));
        let traced = trace::Request::http(join, method, route.pattern(), headers);
        Self { began, method, route, traced }
    }

    /// What is done for it.
    pub(super) fn span(&self) -> Span {
        self.traced.span.clone()
    }

    /// Counts it, ends its span, and writes a line of the access log.
    pub(super) fn answered(self, response: &Response, meters: &Meters) {
        let Self { began, method, route, traced } = self;
        let (status, took) = (response.status().as_u16(), began.elapsed());
        traced.answered("http.response.status_code", status.into(), status >= 500);
        let token_id = response.headers().get(&ID).and_then(|id| id.to_str().ok());
        let route = route.pattern().unwrap_or("none");
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let trace_id = traced.trace_id;
        // A message that is a text costs less than one that has to be formatted.
        let message = "answered";
        tracing::info!(target: "access", message, method, route, status, micros, token_id, trace_id);
        meters.count(route, method, status, took);
    }
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
