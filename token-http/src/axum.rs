//! For axum: who was let in, as an extractor.

use axum_core::extract::FromRequestParts;
use axum_core::response::{IntoResponse, Response};
use http::StatusCode;
use http::request::Parts;

use crate::auth::authenticated;
use crate::auth_error::AuthError;
use crate::authenticated::Authenticated;
use crate::realm::Realm;

/// The route is outside the auth layer: a mistake of the service, answered with 500.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this route is outside the auth layer: put it behind a layer of TokenAuth")]
pub struct MissingAuthLayer;

impl<S: Sync> FromRequestParts<S> for Authenticated {
    type Rejection = MissingAuthLayer;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, MissingAuthLayer> {
        authenticated(&parts.extensions).cloned().ok_or(MissingAuthLayer)
    }
}

impl IntoResponse for MissingAuthLayer {
    fn into_response(self) -> Response {
        tracing::error!("{self}");
        StatusCode::INTERNAL_SERVER_ERROR.into_response()
    }
}

/// With the default [`Realm`].
impl IntoResponse for AuthError {
    fn into_response(self) -> Response {
        Self::into_response(self, &Realm::default())
    }
}
