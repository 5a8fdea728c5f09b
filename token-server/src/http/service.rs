//! What a server of HTTP asks: [`Sidecar::service`].

use std::convert::Infallible;
use std::fmt;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use http::{Method, Request, Response, header};
use token_core::spi::TokenStore;
use tower_service::Service;

use super::forward_auth::{self, ForwardAuthMode};
use super::middleware::{Direct, Middleware};
use super::unreadable::Unreadable;
use crate::request::client::Peer;
use crate::state::Sidecar;

/// Answers requests. It is cheap to clone.
///
/// `/auth` does not go through a router: nearly all requests are for it, and they would spend a tenth of their time there.
#[derive(Clone)]
pub struct SidecarService(Arc<Parts>, Peer);

struct Parts {
    sidecar: Arc<Sidecar>,
    middleware: Arc<Middleware>,
    router: Router,
    /// After how long the store has answered, whatever happens.
    answers_within: Option<Duration>,
}

impl SidecarService {
    pub(crate) fn new(sidecar: Arc<Sidecar>, middleware: Arc<Middleware>, router: Router) -> Self {
        let answers_within = sidecar.tokens.validates_within();
        Self(Arc::new(Parts { sidecar, middleware, router, answers_within }), Peer::Unknown)
    }

    /// The same for a connection from this peer, whose address is in the access log.
    #[must_use]
    pub fn for_peer(&self, peer: Peer) -> Self {
        Self(self.0.clone(), peer)
    }

    /// The same over another connection to the same store, such as one for this runtime. Limits and counts are common to both.
    #[must_use]
    pub fn over(&self, store: Arc<dyn TokenStore>) -> Self {
        let tokens = Arc::new(self.0.sidecar.tokens.with_store(store));
        Sidecar { tokens, ..Sidecar::clone(&self.0.sidecar) }.behind(self.0.middleware.clone())
    }
}

impl SidecarService {
    /// Counts and logs an answer to what never became a request.
    pub(crate) fn answer_unread(&self, response: Response<Body>) -> Response<Body> {
        self.0.middleware.answer_unread(self.1, response)
    }
}

impl<B> Service<Request<B>> for SidecarService
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

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let peer = self.1;
        // Any 2xx would open a tunnel.
        if request.method() == Method::CONNECT {
            let refusal = self.unreadable(Unreadable::Tunnel).map(Body::from);
            return Box::pin(async move { Ok(refusal) });
        }
        let Some(mode) = ForwardAuthMode::of(request.uri().path()) else {
            request.extensions_mut().insert(peer);
            return Box::pin(self.0.router.clone().call(request));
        };
        let parts = self.0.clone();
        let (request, _) = request.into_parts();
        Box::pin(async move {
            // Pinned here: a function that takes it by value would reserve room for it once more.
            let answering = pin!(forward_auth::answer(&parts.sidecar, &request, mode));
            let Parts { middleware, answers_within, .. } = &*parts;
            let direct = Direct { route: mode.route(), peer, request: &request, ends_after: *answers_within };
            let presented = || parts.sidecar.presented(&request.headers);
            let mut response = middleware.answer_directly(direct, answering, presented).await;
            if request.method == Method::HEAD {
                leave_body_out(&mut response);
            }
            Ok(response)
        })
    }
}

/// As it has to be answered to HEAD. For HTTP/2 hyper leaves that to us.
fn leave_body_out(response: &mut Response<Body>) {
    let body = std::mem::take(response.body_mut());
    if let Some(length) = body.size_hint().exact() {
        response.headers_mut().insert(header::CONTENT_LENGTH, length.into());
    }
}

/// Without the store, which may know a password.
impl fmt::Debug for SidecarService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SidecarService").field("sidecar", &self.0.sidecar).finish_non_exhaustive()
    }
}
