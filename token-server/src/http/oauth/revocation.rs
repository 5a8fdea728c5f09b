//! `/revoke`: RFC 7009.

use std::sync::Arc;

use axum::extract::{Request, State};
use http::StatusCode;
use secrecy::ExposeSecret;
use token_core::Reason;

use super::client::{Asked, Authentication};
use super::rejection::Rejection;
use crate::error::ApiError;
use crate::request::notes::Notes;
use crate::state::Sidecar;

/// Revokes the token that is sent: having its text is enough. A caller who presents credentials is on record for it. 200 says
/// that it is revoked, or never was valid; then the access log has the reason. A token with anything around it is refused:
/// 200 would leave its holder with a live one.
pub(crate) async fn revoke(
    State(sidecar): State<Arc<Sidecar>>,
    request: Request,
) -> Result<StatusCode, Rejection> {
    let (parts, body) = request.into_parts();
    let Asked { caller, method, mut form } = sidecar.asked(&parts, body, Authentication::Optional).await?;
    let text = form.token().map_err(method.rejecting())?;
    let notes = parts.extensions.get::<Notes>().cloned().unwrap_or_default();
    let token = match sidecar.tokens.parse(text.expose_secret()) {
        Ok(token) => token,
        Err(malformed) => {
            if let Some(caller) = caller {
                caller.admitted().await.map_err(method.rejecting())?;
            }
            notes.refused(Reason::Malformed(malformed).code());
            return Ok(StatusCode::OK);
        }
    };
    notes.about(token.id());
    let revoked = match caller {
        Some(caller) => caller.revoke_text(token, None).await,
        None => sidecar.revoke_itself(token).await,
    };
    match revoked {
        // RFC 7009 §2.2.1: with 503 the client must assume that the token still exists, and tries again.
        Ok(done) if !done.confirmation.is_confirmed() => Err(Rejection::new(method, ApiError::Unconfirmed)),
        Ok(_) => Ok(StatusCode::OK),
        Err(ApiError::NotFound(_)) => {
            notes.refused(Reason::NoSuchToken.code());
            Ok(StatusCode::OK)
        }
        Err(error) => Err(Rejection::new(method, error)),
    }
}
