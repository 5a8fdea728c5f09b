//! The door as a tower layer.

use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::{Request, Response};
use token_core::TokenStore;
use tower_layer::Layer;
use tower_service::Service;

use crate::auth::TokenAuth;
use crate::refusal::{Realm, Refusal};

/// A service behind a door: requests come through with [`Authenticated`](crate::Authenticated) in their extensions, or
/// not at all.
#[derive(Debug)]
pub struct Guarded<S, Inner, Tongue = Http> {
    auth: TokenAuth<S>,
    inner: Inner,
    tongue: PhantomData<fn() -> Tongue>,
}

/// How refusals are told, in answers with bodies of this kind.
pub trait Answers<Body> {
    /// The answer to a request that is not let in.
    fn answer(refusal: Refusal, realm: &Realm) -> Response<Body>;
}

/// Refusals are told by status codes and problem documents.
#[derive(Debug, Clone, Copy)]
pub struct Http;

impl<Body: From<String>> Answers<Body> for Http {
    fn answer(refusal: Refusal, realm: &Realm) -> Response<Body> {
        refusal.into_response(realm)
    }
}

impl<S: TokenStore + 'static, Inner> Layer<Inner> for TokenAuth<S> {
    type Service = Guarded<S, Inner>;

    fn layer(&self, inner: Inner) -> Self::Service {
        Guarded::new(self.clone(), inner)
    }
}

impl<S, Inner, Tongue> Guarded<S, Inner, Tongue> {
    pub(crate) fn new(auth: TokenAuth<S>, inner: Inner) -> Self {
        Self { auth, inner, tongue: PhantomData }
    }
}

impl<S, Inner: Clone, Tongue> Clone for Guarded<S, Inner, Tongue> {
    fn clone(&self) -> Self {
        Self::new(self.auth.clone(), self.inner.clone())
    }
}

impl<S, Inner, Tongue, In, Out> Service<Request<In>> for Guarded<S, Inner, Tongue>
where
    S: TokenStore + 'static,
    Inner: Service<Request<In>, Response = Response<Out>> + Clone + Send + 'static,
    Inner::Future: Send,
    Tongue: Answers<Out>,
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
                Err(refusal) => Ok(Tongue::answer(refusal, auth.shown_realm())),
            }
        })
    }
}
