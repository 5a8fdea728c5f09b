//! `POST /v1/tokens/{id}/confirm`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use http::request::Parts;
use serde::Serialize;
use token_core::{Committed, Confirmation};

use crate::error::ApiError;
use crate::http::query::Query;
use crate::state::Sidecar;

/// How far a token, or its revocation, has gone by now.
#[derive(Debug, Serialize)]
pub(crate) struct Confirmed {
    id: String,
    /// `live` or `revoked`
    state: &'static str,
    confirmation: Confirmation,
}

/// Waits again for the confirmation of an issue, or of a revocation. It is 202 until it is confirmed.
pub(crate) async fn confirm(
    State(sidecar): State<Arc<Sidecar>>,
    path: super::InPath,
    parts: Parts,
) -> Result<(StatusCode, Json<Confirmed>), ApiError> {
    let caller = sidecar.caller(&parts).await?;
    Query::read(&parts, &[])?;
    let id = super::id(path)?;
    let Committed { outcome, confirmation } = caller.confirm(id).await?;
    let confirmed = Confirmed { id: id.to_string(), state: outcome.code(), confirmation };
    Ok((super::status(confirmation), Json(confirmed)))
}
