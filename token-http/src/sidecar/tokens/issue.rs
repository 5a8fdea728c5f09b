//! `POST /v1/tokens`

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use serde::Serialize;
use token_core::{
    Confirmation, Grant, IssueRequest, Issued, Parent, Reason, StoreError, StoreErrorKind, os_rng,
};

use super::policy::{Ruling, Wish, rule};
use super::request;
use crate::refusal::Refusal;
use crate::sidecar::Sidecar;
use crate::sidecar::body::{self, expect_media_type};
use crate::sidecar::callers::Caller;
use crate::sidecar::problem::Problem;
use crate::sidecar::query::Query;

#[derive(Serialize)]
struct Answer<'a> {
    /// The only time that it is shown.
    token: &'a str,
    #[serde(flatten)]
    grant: &'a Grant,
    /// Whether it lives shorter than was asked for, since it would have exceeded the token that issued it.
    shortened: bool,
    confirmation: Confirmation,
}

/// Issues a token: to any user for administrators, else to the caller, within what their own token allows.
pub(in crate::sidecar) async fn issue(
    State(sidecar): State<Arc<Sidecar>>,
    request: Request,
) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    let caller = sidecar.caller(&parts).await?;
    Query::read(&parts, &[])?;
    expect_media_type(&parts.headers, "application/json")?;
    let mut request = request::read(&body::read(body).await?, caller.subject())?;
    request.issuer = caller.actor();
    request.parent = parent(&sidecar, &caller, &request)?;

    let mut rng = os_rng().map_err(Problem::randomness)?;
    let issued = sidecar.tokens.issue(&request, &mut rng).await;
    let issued = issued.map_err(|error| refuse(&sidecar, error))?;
    tracing::info!(id = %issued.grant.id, user = %request.subject, by = %caller.subject(), "issued a token");
    Ok(answer(&request, &issued))
}

/// The token that the new one must not exceed, if there is one.
fn parent(sidecar: &Sidecar, caller: &Caller<'_>, request: &IssueRequest) -> Result<Option<Parent>, Problem> {
    match rule(&sidecar.admins, caller.grant(), &Wish::Issue(&request.subject)) {
        Ruling::Granted => Ok(None),
        Ruling::WithinParent => Parent::of(caller.grant()).map(Some).ok_or_else(super::not_there),
        Ruling::Forbidden(sentence) => Err(Problem::Forbidden(sentence)),
        Ruling::ForItself | Ruling::Hidden => Err(super::not_there()),
    }
}

/// Where the caller's token has ended since it was let in, it does not count.
fn refuse(sidecar: &Sidecar, error: StoreError) -> Problem {
    match error.kind() {
        StoreErrorKind::ParentGone => {
            Problem::Refused(Refusal::Inactive(Reason::Unknown), sidecar.realm.clone())
        }
        _ => error.into(),
    }
}

fn answer(request: &IssueRequest, issued: &Issued) -> Response {
    let Issued { token, grant, confirmation } = issued;
    let answer = Answer {
        token: token.expose_secret(),
        grant,
        shortened: grant.deadlines != request.lifetime.starting(grant.issued_at),
        confirmation: *confirmation,
    };
    let location = [(header::LOCATION, format!("/v1/tokens/{}", grant.id))];
    (StatusCode::CREATED, location, Json(answer)).into_response()
}
