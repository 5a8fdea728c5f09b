//! For axum: who was let in, as an extractor.

use axum_core::extract::FromRequestParts;
use axum_core::response::{IntoResponse, Response};
use http::StatusCode;
use http::request::Parts;

use crate::auth::authenticated;
use crate::authenticated::Authenticated;
use crate::refusal::{Realm, Refusal};

/// The route stands outside the layer that lets people in: a mistake of the service, answered with 500.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this route has no door: put it behind a layer of TokenAuth")]
pub struct NoDoor;

impl<S: Sync> FromRequestParts<S> for Authenticated {
    type Rejection = NoDoor;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, NoDoor> {
        authenticated(&parts.extensions).cloned().ok_or(NoDoor)
    }
}

impl IntoResponse for NoDoor {
    fn into_response(self) -> Response {
        tracing::error!("{self}");
        StatusCode::INTERNAL_SERVER_ERROR.into_response()
    }
}

/// With the default [`Realm`].
impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        Self::into_response(self, &Realm::default())
    }
}
