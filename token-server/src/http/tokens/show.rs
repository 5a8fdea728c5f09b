//! `GET /v1/tokens/{id}`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::request::Parts;
use token_core::{Grant, TokenStatus};

use crate::error::ApiError;
use crate::http::query::Query;
use crate::state::Sidecar;

/// A live token. A revoked one is gone (410), and the answer says when, by whom and why.
pub(crate) async fn show(
    State(sidecar): State<Arc<Sidecar>>,
    path: super::InPath,
    parts: Parts,
) -> Result<Json<Grant>, ApiError> {
    let caller = sidecar.caller(&parts).await?;
    Query::read(&parts, &[])?;
    match caller.show(super::id(path)?).await? {
        TokenStatus::Live(grant) => Ok(Json(grant)),
        TokenStatus::Revoked(tombstone) => Err(ApiError::Revoked(Box::new(tombstone))),
        TokenStatus::Unknown => Err(ApiError::no_such_token()),
    }
}
