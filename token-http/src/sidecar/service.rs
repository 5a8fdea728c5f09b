//! What a server of HTTP asks: [`Sidecar::service`].

use std::convert::Infallible;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use http::{Request, Response};
use tower_service::Service;

use super::Sidecar;
use super::forward_auth::{self, Way};
use super::front::Front;

/// Answers requests. It is cheap to clone.
///
/// `/auth` does not go through a router: nearly all requests are for it, and they would spend a fifth of their time there.
#[derive(Clone)]
pub struct Answers(Arc<Parts>);

struct Parts {
    sidecar: Arc<Sidecar>,
    front: Arc<Front>,
    others: Router,
}

impl Answers {
    pub(super) fn new(sidecar: Arc<Sidecar>, front: Arc<Front>, others: Router) -> Self {
        Self(Arc::new(Parts { sidecar, front, others }))
    }
}

impl<B> Service<Request<B>> for Answers
where
    B: HttpBody<Data = Bytes, Error: Into<axum::BoxError>> + Send + 'static,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        // A router always is.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let Some(way) = Way::of(request.uri().path()) else {
            return Box::pin(self.0.others.clone().call(request));
        };
        let parts = self.0.clone();
        let (request, _) = request.into_parts();
        Box::pin(async move {
            let answering = forward_auth::answer(&parts.sidecar, &request, way);
            Ok(parts.front.answer_promptly(way.route(), &request, answering).await)
        })
    }
}

/// Without the store, which may know a password.
impl fmt::Debug for Answers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answers").field("sidecar", &self.0.sidecar).finish_non_exhaustive()
    }
}
