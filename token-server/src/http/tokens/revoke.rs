//! `DELETE /v1/tokens/{id}` and `DELETE /v1/tokens?user=USER`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use http::request::Parts;
use serde::Serialize;
use token_core::{Committed, Confirmation, Subject};

use crate::error::ApiError;
use crate::http::query::Query;
use crate::state::Sidecar;

/// What became of one token.
#[derive(Debug, Serialize)]
pub(crate) struct RevokeResponse {
    id: String,
    outcome: &'static str,
    confirmation: Confirmation,
}

/// What became of all tokens of a user.
#[derive(Debug, Serialize)]
pub(crate) struct RevokeAllResponse {
    user: String,
    /// The ids of those that were live.
    revoked: Vec<String>,
    confirmation: Confirmation,
}

/// Ends a token. Repeating it changes nothing more, and says how far the revocation has gone by now.
pub(crate) async fn revoke(
    State(sidecar): State<Arc<Sidecar>>,
    path: super::InPath,
    parts: Parts,
) -> Result<(StatusCode, Json<RevokeResponse>), ApiError> {
    let caller = sidecar.caller(&parts).await?;
    let why = Query::read(&parts, &["why"])?.get("why")?;
    let id = super::id(path)?;
    let Committed { outcome, confirmation } = caller.revoke(id, why).await?;
    let ended = RevokeResponse { id: id.to_string(), outcome: outcome.code(), confirmation };
    Ok((super::status(confirmation), Json(ended)))
}

/// Ends all tokens of a user in one step, the one that is presented included where it is theirs. Whose must be said.
pub(crate) async fn revoke_all(
    State(sidecar): State<Arc<Sidecar>>,
    parts: Parts,
) -> Result<(StatusCode, Json<RevokeAllResponse>), ApiError> {
    let caller = sidecar.caller(&parts).await?;
    let query = Query::read(&parts, &["user", "why"])?;
    let why = query.get("why")?;
    let user: Subject = query.get("user")?.ok_or_else(|| ApiError::bad_request("user: say whose tokens"))?;
    let Committed { outcome: ids, confirmation } = caller.revoke_all(&user, why).await?;
    let revoked = ids.iter().map(ToString::to_string).collect();
    Ok((
        super::status(confirmation),
        Json(RevokeAllResponse { user: user.to_string(), revoked, confirmation }),
    ))
}
