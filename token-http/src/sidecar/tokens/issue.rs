//! `POST /v1/tokens`

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use serde::Serialize;
use token_core::{Confirmation, Grant, Issued};

use super::request;
use crate::sidecar::Sidecar;
use crate::sidecar::body::{self, expect_media_type};
use crate::sidecar::deeds::Made;
use crate::sidecar::problem::Problem;
use crate::sidecar::query::Query;

#[derive(Serialize)]
struct Answer<'a> {
    /// The only time that it is shown.
    token: &'a str,
    #[serde(flatten)]
    grant: &'a Grant,
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
    let request = request::read(&body::read(body).await?, caller.subject())?;
    Ok(answer(&caller.issue(request).await?))
}

fn answer(made: &Made) -> Response {
    let Made { issued: Issued { token, grant, confirmation }, shortened } = made;
    let answer =
        Answer { token: token.expose_secret(), grant, shortened: *shortened, confirmation: *confirmation };
    let location = [(header::LOCATION, format!("/v1/tokens/{}", grant.id))];
    (StatusCode::CREATED, location, Json(answer)).into_response()
}
