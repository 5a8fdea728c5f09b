//! `/revoke`: RFC 7009.

use std::sync::Arc;

use axum::extract::{Request, State};
use http::StatusCode;
use secrecy::ExposeSecret;
use token_core::{StoreError, StoreErrorKind};

use super::Sidecar;
use super::introspection::token_in;
use super::problem::Problem;

/// Revokes a token that the caller holds: one of their own, or anybody's for administrators. Whether there was anything to
/// revoke is not told.
pub(super) async fn revoke(
    State(sidecar): State<Arc<Sidecar>>,
    request: Request,
) -> Result<StatusCode, Problem> {
    let (parts, body) = request.into_parts();
    let caller = sidecar.caller(&parts).await?;
    let text = token_in(&parts.headers, body).await?;
    let Ok(token) = sidecar.tokens.parse(text.expose_secret()) else { return Ok(StatusCode::OK) };
    match caller.revoke_text(token, None).await {
        Ok(done) if !done.confirmation.is_confirmed() => {}
        Ok(_) | Err(Problem::NotFound(_)) => return Ok(StatusCode::OK),
        Err(problem) => return Err(problem),
    }
    // RFC 7009 §2.2.1: with 503 the client must assume that the token still exists, and tries again.
    let unconfirmed = "it is revoked, but not confirmed by all replicas";
    Err(StoreError::new(StoreErrorKind::TimedOut, unconfirmed).into())
}
