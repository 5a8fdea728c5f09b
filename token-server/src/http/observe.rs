//! What is counted, logged and traced of each request: never its query or its body, which may hold a token, and of its
//! headers only what [`declared`](crate::request::declared) lets through.

use std::time::Instant;

use axum::extract::MatchedPath;
use axum::response::Response;
use http::{HeaderMap, Method};
use token_core::{Recogniser, TokenId};
use tracing::Span;
use tracing::field::display;

use crate::request::client::Peer;
use crate::request::declared::{request_id, user_agent};
use crate::request::notes::Notes;
use crate::telemetry::request_metrics::RequestMetrics;
use crate::telemetry::trace::{self, Join};
use token_http::RefusalReason;

/// A request that is being answered.
pub(crate) struct Observed {
    began: Instant,
    method: &'static str,
    route: Route,
    traced: trace::Request,
}

/// Who sent a request, and what was found out about it.
pub(crate) struct Sender<'a> {
    /// The client, as far as it is known.
    pub(crate) client: Peer,
    /// Those headers of the request that are kept, or all.
    pub(crate) headers: &'a HeaderMap,
    pub(crate) notes: Option<&'a Notes>,
    /// Recognises tokens in what is said of it.
    pub(crate) tokens: &'a Recogniser,
    /// The token that was presented, unless it is among the notes.
    pub(crate) presented: Option<TokenId>,
}

/// Which route a request took: its pattern, not its path, since what is in the path is the client's.
pub(crate) enum Route {
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
    pub(crate) fn begin(route: Route, method: &Method, headers: &HeaderMap, join: Option<Join>) -> Self {
        let (began, method) = (Instant::now(), known(method));
        let traced = trace::Request::http(join, method, route.pattern(), headers);
        Self { began, method, route, traced }
    }

    /// What is done for it.
    pub(crate) fn span(&self) -> Span {
        self.traced.span.clone()
    }

    /// Counts it, ends its span, and writes a line of the access log.
    pub(crate) fn answered(self, response: &Response, metrics: &RequestMetrics, sender: &Sender<'_>) {
        let Self { began, method, route, traced } = self;
        let (status, took) = (response.status().as_u16(), began.elapsed());
        traced.answered("http.response.status_code", status.into(), status >= 500);
        let route = route.pattern().unwrap_or("none");
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let (client, trace_id) = (display(sender.client), traced.trace_id);
        // A text is recorded faster than what has to be formatted.
        let token_id = sender.token_id().map(TokenId::text);
        let token_id = token_id.as_ref().and_then(|text| std::str::from_utf8(text).ok());
        let about = sender.about_id().map(display);
        // A message that is a text costs less than one that has to be formatted.
        let message = "answered";
        match refusal_reason(response, sender.notes) {
            None => {
                tracing::info!(target: "access", message, method, route, status, micros, client, token_id, about, trace_id);
            }
            Some(reason) => {
                let request_id = request_id(sender.headers, sender.tokens);
                let user_agent = user_agent(sender.headers, sender.tokens);
                let user_agent = user_agent.as_deref();
                tracing::info!(
                    target: "access",
                    message, method, route, status, micros, client, reason, token_id, about, trace_id, request_id, user_agent,
                );
            }
        }
        metrics.count(route, method, status, took);
    }
}

impl Sender<'_> {
    pub(crate) fn token_id(&self) -> Option<TokenId> {
        self.presented.or_else(|| self.notes?.token_id())
    }

    pub(crate) fn about_id(&self) -> Option<TokenId> {
        self.notes?.about_id()
    }
}

/// Why the answer is no, if it is.
fn refusal_reason(response: &Response, notes: Option<&Notes>) -> Option<&'static str> {
    let status = response.status();
    let noted = notes.and_then(Notes::reason);
    if noted.is_none() && status.as_u16() < 400 {
        return None;
    }
    let reason = || response.extensions().get::<RefusalReason>().map(|reason| reason.0);
    Some(noted.or_else(reason).unwrap_or("other"))
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
