//! What is done around every answer: it is bounded, told of, and not to be kept.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::request::Parts;
use http::{HeaderValue, header};
use tracing::Instrument;

use super::limits::{Guard, Limits};
use super::meters::Meters;
use super::observe::{Observed, Route};
use super::trace::Join;

/// All of it in one place, which costs a third of what three would.
pub(super) struct Front {
    guard: Guard,
    join: Option<Join>,
    meters: Meters,
}

/// Answers a request that went through the router.
pub(super) async fn answer(State(front): State<Arc<Front>>, request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().cloned().map_or(Route::None, Route::Matched);
    let observed = front.observe(route, request.method(), request.headers());
    let watched = is_watching(&request);
    let answering = next.run(request).instrument(observed.span());
    // Whoever watches over the process must see how busy it is.
    let response = if watched { answering.await } else { front.guard.bound(answering).await };
    front.answered(observed, response)
}

fn is_watching(request: &Request) -> bool {
    matches!(request.uri().path(), "/healthz" | "/readyz" | "/metrics")
}

impl Front {
    pub(super) fn new(limits: Limits, join: Option<Join>) -> Arc<Self> {
        Arc::new(Self { guard: Guard::new(limits), join, meters: Meters::default() })
    }

    /// Answers a request that did not go through the router, and waits for nothing but what ends after so long, if that is
    /// known: then it needs no timer.
    pub(super) async fn answer_directly(
        &self,
        route: &'static str,
        request: &Parts,
        ends_after: Option<Duration>,
        answering: impl Future<Output = Response>,
    ) -> Response {
        let observed = self.observe(Route::Known(route), &request.method, &request.headers);
        let answering = answering.instrument(observed.span());
        let response = if self.guard.suffices(ends_after) {
            self.guard.with_room(answering).await
        } else {
            // In a box: seldom needed, and its timer is large.
            Box::pin(self.guard.bound(answering)).await
        };
        self.answered(observed, response)
    }

    fn observe(&self, route: Route, method: &http::Method, headers: &http::HeaderMap) -> Observed {
        Observed::begin(route, method, headers, self.join)
    }

    fn answered(&self, observed: Observed, mut response: Response) -> Response {
        // Who is let in, and which tokens there are, changes from one moment to the next.
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        observed.answered(&response, &self.meters);
        response
    }
}
