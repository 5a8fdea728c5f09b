//! `/revoke`: RFC 7009.

use std::sync::Arc;

use axum::extract::{Request, State};
use http::StatusCode;
use secrecy::ExposeSecret;

use super::client::{Asked, Authentication};
use super::rejection::Rejection;
use crate::sidecar::Sidecar;
use crate::sidecar::error::ApiError;

/// Revokes the token that is sent: having its text is enough. A caller who presents credentials is on record for it. 200 says
/// that it is revoked, or never was valid.
pub(in crate::sidecar) async fn revoke(
    State(sidecar): State<Arc<Sidecar>>,
    request: Request,
) -> Result<StatusCode, Rejection> {
    let (parts, body) = request.into_parts();
    let Asked { caller, method, mut form } = sidecar.asked(&parts, body, Authentication::Optional).await?;
    let text = form.token().map_err(method.rejecting())?;
    let Ok(token) = sidecar.tokens.parse(text.expose_secret()) else {
        if let Some(caller) = caller {
            caller.admitted().await.map_err(method.rejecting())?;
        }
        return Ok(StatusCode::OK);
    };
    let revoked = match caller {
        Some(caller) => caller.revoke_text(token, None).await,
        None => sidecar.revoke_itself(token).await,
    };
    match revoked {
        // RFC 7009 §2.2.1: with 503 the client must assume that the token still exists, and tries again.
        Ok(done) if !done.confirmation.is_confirmed() => Err(Rejection::new(method, ApiError::Unconfirmed)),
        Ok(_) | Err(ApiError::NotFound(_)) => Ok(StatusCode::OK),
        Err(error) => Err(Rejection::new(method, error)),
    }
}
