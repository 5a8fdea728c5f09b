//! `DELETE /v1/tokens/{id}` and `DELETE /v1/tokens?user=USER`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use http::request::Parts;
use serde::Serialize;
use token_core::{Change, Confirmation, RevokeOutcome, Subject, TokenStore};

use super::policy::{Ruling, Wish, rule};
use crate::sidecar::Sidecar;
use crate::sidecar::problem::Problem;
use crate::sidecar::query::Query;

/// What became of one token.
#[derive(Debug, Serialize)]
pub(in crate::sidecar) struct Ended {
    id: String,
    outcome: &'static str,
    confirmation: Confirmation,
}

/// What became of all tokens of a user.
#[derive(Debug, Serialize)]
pub(in crate::sidecar) struct AllEnded {
    user: String,
    /// The ids of those that were live.
    revoked: Vec<String>,
    confirmation: Confirmation,
}

/// Ends a token. Repeating it changes nothing more, and says how far the revocation has gone by now.
pub(in crate::sidecar) async fn revoke(
    State(sidecar): State<Arc<Sidecar>>,
    path: super::InPath,
    parts: Parts,
) -> Result<(StatusCode, Json<Ended>), Problem> {
    let caller = sidecar.caller(&parts).await?;
    let why = Query::read(&parts, &["why"])?.get("why")?;
    let id = super::id(path)?;
    if !caller.is_admin() {
        super::sight(&sidecar, &caller, id).await?;
    }
    // An administrator need not see the token first, and ends one whose record does not decode, too.
    let Change { outcome, confirmation } = sidecar.tokens.store().revoke(id, &caller.revocation(why)).await?;
    let outcome = match outcome {
        RevokeOutcome::Revoked => "revoked",
        RevokeOutcome::AlreadyRevoked => "already_revoked",
        RevokeOutcome::Unknown => return Err(super::not_there()),
    };
    tracing::info!(%id, by = %caller.subject(), outcome, "revoked a token");
    Ok((status(confirmation), Json(Ended { id: id.to_string(), outcome, confirmation })))
}

/// Ends all tokens of a user in one step, the one that is presented included where it is theirs. Whose must be said.
pub(in crate::sidecar) async fn revoke_all(
    State(sidecar): State<Arc<Sidecar>>,
    parts: Parts,
) -> Result<(StatusCode, Json<AllEnded>), Problem> {
    let caller = sidecar.caller(&parts).await?;
    let query = Query::read(&parts, &["user", "why"])?;
    let why = query.get("why")?;
    let user: Subject = query.get("user")?.ok_or_else(|| Problem::bad_request("user: say whose tokens"))?;
    match rule(&sidecar.admins, caller.grant(), &Wish::RevokeAll(&user)) {
        Ruling::Granted => {}
        Ruling::Forbidden(sentence) => return Err(Problem::Forbidden(sentence)),
        Ruling::WithinParent | Ruling::ForItself | Ruling::Hidden => return Err(super::not_there()),
    }
    let Change { outcome: ids, confirmation } =
        sidecar.tokens.store().revoke_subject(&user, &caller.revocation(why)).await?;
    tracing::info!(%user, by = %caller.subject(), count = ids.len(), "revoked all tokens of a user");
    let revoked = ids.iter().map(ToString::to_string).collect();
    Ok((status(confirmation), Json(AllEnded { user: user.to_string(), revoked, confirmation })))
}

/// What is done and not confirmed is not finished (RFC 9110 §15.3.3): the caller repeats it.
fn status(confirmation: Confirmation) -> StatusCode {
    if confirmation.is_confirmed() { StatusCode::OK } else { StatusCode::ACCEPTED }
}
