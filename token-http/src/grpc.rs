//! The auth layer for gRPC services: the same credentials in the same header, answered with gRPC statuses.

use http::{HeaderValue, Response, StatusCode, header};
use token_core::TokenStore;
use tower_layer::Layer;

use crate::auth::TokenAuth;
use crate::auth_error::{AuthError, Realm, RefusalReason};
use crate::layer::{AuthService, RejectionResponse};

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
    type Service = AuthService<S, Inner, Grpc>;

    fn layer(&self, inner: Inner) -> Self::Service {
        AuthService::new(self.0.clone(), inner)
    }
}

/// gRPC statuses.
#[derive(Debug, Clone, Copy)]
pub struct Grpc;

impl<Body: Default> RejectionResponse<Body> for Grpc {
    fn answer(error: AuthError, _: &Realm) -> Response<Body> {
        let mut response = Response::new(Body::default());
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
        headers.insert("grpc-status", HeaderValue::from(code(&error)));
        // Our messages are plain ASCII; only the percent sign would have to be encoded, and none has one.
        if let Ok(message) = HeaderValue::from_str(&error.message()) {
            headers.insert("grpc-message", message);
        }
        error.log();
        response.extensions_mut().insert(RefusalReason(error.reason()));
        response
    }
}

/// The status as gRPC numbers it.
pub(crate) fn code(error: &AuthError) -> i32 {
    match error {
        AuthError::Malformed(_) if error.status() == StatusCode::UNAUTHORIZED => 16,
        AuthError::Malformed(_) => 3,
        AuthError::NotPermitted(_) => 7,
        AuthError::CouldNotCheck(_) | AuthError::AncestorsUnavailable(_) => 14,
        AuthError::NoCredentials | AuthError::Inactive(_) => 16,
    }
}

/// It is routed to as the service behind it is.
#[cfg(feature = "grpc")]
impl<S, Inner: tonic::server::NamedService> tonic::server::NamedService for AuthService<S, Inner, Grpc> {
    const NAME: &'static str = Inner::NAME;
}
