//! What is done around every answer: limits, observability and cache headers.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, header};
use token_core::{Recogniser, TokenId};
use tracing::Instrument;

use super::observe::{Observed, Route, Sender};
use crate::error::ApiError;
use crate::limits::Guard;
use crate::request::client::{Peer, TrustedProxy, client};
use crate::request::declared::kept;
use crate::request::notes::Notes;
use crate::state::Sidecar;
use crate::telemetry::request_metrics::RequestMetrics;
use crate::telemetry::trace::Join;

/// All of it in one place, which costs a third of what three would.
pub(crate) struct Middleware {
    guard: Guard,
    join: Option<Join>,
    metrics: RequestMetrics,
    trusted: Vec<TrustedProxy>,
    tokens: Recogniser,
}

/// Answers a request that went through the router.
pub(crate) async fn answer(
    State(middleware): State<Arc<Middleware>>,
    mut request: Request,
    next: Next,
) -> Response {
    let route = request.extensions().get::<MatchedPath>().cloned().map_or(Route::None, Route::Matched);
    let observed = middleware.observe(route, request.method(), request.headers());
    let watched = is_watching(&request);
    let peer = request.extensions().get().copied().unwrap_or_default();
    let (headers, notes) = (kept(request.headers()), Notes::default());
    notes.attach(request.extensions_mut());
    let answering = next.run(request).instrument(observed.span());
    // Monitoring must see how busy the process is.
    let response = if watched { answering.await } else { middleware.guard.bound(answering).await };
    let client = client(&middleware.trusted, peer, &headers);
    let sender = Sender {
        client,
        headers: &headers,
        notes: Some(&notes),
        presented: None,
        tokens: &middleware.tokens,
    };
    middleware.answered(observed, response, &sender)
}

fn is_watching(request: &Request) -> bool {
    matches!(request.uri().path(), "/healthz" | "/readyz" | "/metrics")
}

/// A request that does not go through the router.
pub(crate) struct Direct<'a> {
    pub(crate) route: &'static str,
    pub(crate) peer: Peer,
    pub(crate) request: &'a Parts,
    /// After how long its answer is there by itself, if that is known: then it needs no timer.
    pub(crate) ends_after: Option<Duration>,
}

/// An answer, and whose token it is about.
pub(crate) struct Answered {
    pub(crate) response: Response,
    /// The token that was admitted.
    pub(crate) token_id: Option<TokenId>,
}

impl From<ApiError> for Answered {
    fn from(error: ApiError) -> Self {
        Self { response: error.into(), token_id: None }
    }
}

impl Middleware {
    pub(crate) fn new(sidecar: &Sidecar) -> Arc<Self> {
        Arc::new(Self {
            guard: Guard::new(sidecar.limits),
            join: sidecar.trace,
            metrics: RequestMetrics::default(),
            trusted: sidecar.trusted_proxies.clone(),
            tokens: sidecar.tokens.recogniser().clone(),
        })
    }

    /// Answers a request that did not go through the router. Which token it presents is asked only if it is refused.
    pub(crate) async fn answer_directly(
        &self,
        direct: Direct<'_>,
        answering: impl Future<Output = Answered>,
        presented: impl FnOnce() -> Option<TokenId>,
    ) -> Response {
        let Direct { route, peer, request, ends_after } = direct;
        let observed = self.observe(Route::Known(route), &request.method, &request.headers);
        let answering = answering.instrument(observed.span());
        let Answered { response, token_id } = if self.guard.suffices(ends_after) {
            self.guard.with_room(answering).await
        } else {
            // In a box: seldom needed, and its timer is large.
            Box::pin(self.guard.bound(answering)).await
        };
        let presented = token_id.or_else(presented);
        let client = client(&self.trusted, peer, &request.headers);
        self.answered(
            observed,
            response,
            &Sender { client, headers: &request.headers, notes: None, presented, tokens: &self.tokens },
        )
    }

    /// Counts and logs an answer to what never became a request.
    pub(crate) fn answer_unread(&self, peer: Peer, response: Response) -> Response {
        let headers = HeaderMap::new();
        let observed = self.observe(Route::None, &Method::CONNECT, &headers);
        let sender =
            Sender { client: peer, headers: &headers, notes: None, presented: None, tokens: &self.tokens };
        self.answered(observed, response, &sender)
    }

    fn observe(&self, route: Route, method: &Method, headers: &HeaderMap) -> Observed {
        Observed::begin(route, method, headers, self.join)
    }

    fn answered(&self, observed: Observed, mut response: Response, sender: &Sender<'_>) -> Response {
        // Who is let in, and which tokens there are, changes from one moment to the next.
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        observed.answered(&response, &self.metrics, sender);
        response
    }
}
