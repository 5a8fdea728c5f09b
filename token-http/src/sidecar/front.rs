//! What is done around every answer: it is bounded, told of, and not to be kept.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::{HeaderValue, header};
use tracing::Instrument;

use super::limits::{Guard, Limits};
use super::meters::Meters;
use super::observe::Observed;
use super::trace::Join;

/// All of it in one place, which costs a third of what three would.
pub(super) struct Front {
    guard: Guard,
    join: Option<Join>,
    meters: Meters,
}

impl Front {
    pub(super) fn new(limits: Limits, join: Option<Join>) -> Arc<Self> {
        Arc::new(Self { guard: Guard::new(limits), join, meters: Meters::default() })
    }
}

/// Answers a request.
pub(super) async fn answer(State(front): State<Arc<Front>>, request: Request, next: Next) -> Response {
    let observed = Observed::begin(&request, front.join);
    let watched = is_watching(&request);
    let answering = next.run(request).instrument(observed.span());
    // Whoever watches over the process must see how busy it is.
    let mut response = if watched { answering.await } else { front.guard.bound(answering).await };
    // Who is let in, and which tokens there are, changes from one moment to the next.
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    observed.answered(&response, &front.meters);
    response
}

fn is_watching(request: &Request) -> bool {
    matches!(request.uri().path(), "/healthz" | "/readyz" | "/metrics")
}
