//! The door of a gRPC service: the same credentials in the same header, refusals as gRPC statuses.

use http::{HeaderValue, Response, StatusCode, header};
use token_core::TokenStore;
use tower_layer::Layer;

use crate::auth::TokenAuth;
use crate::layer::{Answers, Guarded};
use crate::refusal::{Realm, Refusal, RefusalReason};

/// [`TokenAuth`] as a layer around gRPC services: with tonic, `Server::builder().layer(GrpcAuth(auth))` guards all services,
/// and (with the feature `grpc`) `add_service(GrpcAuth(auth).layer(service))` guards one.
///
/// A refused call is answered as a gRPC client expects it: HTTP 200 with `grpc-status` 3 (invalid argument),
/// 16 (unauthenticated), 7 (permission denied) or 14 (unavailable). Whoever is let in is in the request's extensions.
#[derive(Debug)]
pub struct GrpcAuth<S>(pub TokenAuth<S>);

impl<S> Clone for GrpcAuth<S> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<S: TokenStore + 'static, Inner> Layer<Inner> for GrpcAuth<S> {
    type Service = Guarded<S, Inner, Grpc>;

    fn layer(&self, inner: Inner) -> Self::Service {
        Guarded::new(self.0.clone(), inner)
    }
}

/// Refusals are told by gRPC statuses.
#[derive(Debug, Clone, Copy)]
pub struct Grpc;

impl<Body: Default> Answers<Body> for Grpc {
    fn answer(refusal: Refusal, _: &Realm) -> Response<Body> {
        let mut response = Response::new(Body::default());
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
        headers.insert("grpc-status", HeaderValue::from(code(&refusal)));
        // Our sentences are plain ASCII; only the percent sign would have to be encoded, and none has one.
        if let Ok(message) = HeaderValue::from_str(&refusal.sentence()) {
            headers.insert("grpc-message", message);
        }
        refusal.tell();
        response.extensions_mut().insert(RefusalReason(refusal.reason()));
        response
    }
}

/// The status as gRPC numbers it.
pub(crate) fn code(refusal: &Refusal) -> i32 {
    match refusal {
        Refusal::Malformed(_) if refusal.status() == StatusCode::UNAUTHORIZED => 16,
        Refusal::Malformed(_) => 3,
        Refusal::NotPermitted(_) => 7,
        Refusal::Unknown(_) | Refusal::Lost(_) => 14,
        Refusal::NoCredentials | Refusal::Inactive(_) => 16,
    }
}

/// It is routed to as the service behind it is.
#[cfg(feature = "grpc")]
impl<S, Inner: tonic::server::NamedService> tonic::server::NamedService for Guarded<S, Inner, Grpc> {
    const NAME: &'static str = Inner::NAME;
}
