//! The auth layer for tower.

use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::{Request, Response};
use token_core::spi::TokenStore;
use tower_layer::Layer;
use tower_service::Service;

use crate::auth::TokenAuth;
use crate::auth_error::AuthError;
use crate::realm::Realm;

/// A service behind an auth layer: requests come through with [`Authenticated`](crate::Authenticated) in their extensions, or
/// not at all.
#[derive(Debug)]
pub struct AuthService<S, Inner, Protocol = Http> {
    auth: TokenAuth<S>,
    inner: Inner,
    protocol: PhantomData<fn() -> Protocol>,
}

/// How a protocol answers a request that is not authenticated, in answers with bodies of this kind.
pub trait RejectionResponse<Body> {
    /// The answer to a request that is not let in.
    fn answer(error: AuthError, realm: &Realm) -> Response<Body>;
}

/// Status codes and problem documents.
#[derive(Debug, Clone, Copy)]
pub struct Http;

impl<Body: From<String>> RejectionResponse<Body> for Http {
    fn answer(error: AuthError, realm: &Realm) -> Response<Body> {
        error.into_response(realm)
    }
}

impl<S: TokenStore + 'static, Inner> Layer<Inner> for TokenAuth<S> {
    type Service = AuthService<S, Inner>;

    fn layer(&self, inner: Inner) -> Self::Service {
        AuthService::new(self.clone(), inner)
    }
}

impl<S, Inner, Protocol> AuthService<S, Inner, Protocol> {
    pub(crate) fn new(auth: TokenAuth<S>, inner: Inner) -> Self {
        Self { auth, inner, protocol: PhantomData }
    }
}

impl<S, Inner: Clone, Protocol> Clone for AuthService<S, Inner, Protocol> {
    fn clone(&self) -> Self {
        Self::new(self.auth.clone(), self.inner.clone())
    }
}

impl<S, Inner, Protocol, In, Out> Service<Request<In>> for AuthService<S, Inner, Protocol>
where
    S: TokenStore + 'static,
    Inner: Service<Request<In>, Response = Response<Out>> + Clone + Send + 'static,
    Inner::Future: Send,
    Protocol: RejectionResponse<Out>,
    In: Send + 'static,
{
    type Response = Response<Out>;
    type Error = Inner::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<In>) -> Self::Future {
        // The one that is ready answers this request; its clone has to become ready for the next one.
        let clone = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, clone);
        let auth = self.auth.clone();
        Box::pin(async move {
            let (mut parts, body) = request.into_parts();
            match auth.admit(&mut parts).await {
                Ok(()) => inner.call(Request::from_parts(parts, body)).await,
                Err(error) => Ok(Protocol::answer(error, auth.shown_realm())),
            }
        })
    }
}
