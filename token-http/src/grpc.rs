//! The auth layer for gRPC services: the same credentials in the same header, answered with gRPC statuses.

use http::{HeaderValue, Response, header};
use token_core::spi::TokenStore;
use tower_layer::Layer;

use crate::answer::RefusalReason;
use crate::auth::TokenAuth;
use crate::auth_error::AuthError;
use crate::layer::{AuthService, RejectionResponse};
use crate::realm::Realm;

/// [`TokenAuth`] as a layer around gRPC services: with tonic, `Server::builder().layer(GrpcAuth(auth))` guards all services,
/// and (with the feature `grpc`) `add_service(GrpcAuth(auth).layer(service))` guards one.
///
/// A refused call is answered as a gRPC client expects it: HTTP 200 with `grpc-status` 3 (invalid argument),
/// 16 (unauthenticated), 7 (permission denied) or 14 (unavailable). For other calls, [`Authenticated`](crate::Authenticated)
/// is in the request's extensions.
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
        let (row, mut response) = (error.row(), Response::new(Body::default()));
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
        headers.insert("grpc-status", HeaderValue::from(row.grpc));
        // Our messages are plain ASCII; only the percent sign would have to be encoded, and none has one.
        if let Ok(message) = HeaderValue::from_str(&row.message) {
            headers.insert("grpc-message", message);
        }
        error.log();
        response.extensions_mut().insert(RefusalReason(error.reason()));
        response
    }
}

/// It is routed to as the service behind it is.
#[cfg(feature = "grpc")]
impl<S, Inner: tonic::server::NamedService> tonic::server::NamedService for AuthService<S, Inner, Grpc> {
    const NAME: &'static str = Inner::NAME;
}
