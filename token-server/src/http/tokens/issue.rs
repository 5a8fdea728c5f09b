//! `POST /v1/tokens`

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use serde::Serialize;
use token_core::{Confirmation, Grant, Issued, Once, Repeated};

use super::request;
use crate::error::ApiError;
use crate::http::body::{self, expect_media_type};
use crate::http::query::Query;
use crate::operations::Created;
use crate::state::Sidecar;

#[derive(Serialize)]
struct Answer<'a> {
    /// The only time that it is shown.
    token: &'a str,
    #[serde(flatten)]
    grant: &'a Grant,
    shortened: bool,
    confirmation: Confirmation,
}

/// Issues a token: to any user for administrators, else to the caller, within what their own token allows. A repeat with
/// the same `Idempotency-Key` issues none, and is answered with 200 and the one there is.
pub(crate) async fn issue(
    State(sidecar): State<Arc<Sidecar>>,
    request: Request,
) -> Result<Response, ApiError> {
    let (parts, body) = request.into_parts();
    let caller = sidecar.caller(&parts).await?;
    Query::read(&parts, &[])?;
    expect_media_type(&parts.headers, "application/json")?;
    let key = sidecar.idempotency_key(&parts.headers)?;
    let request = request::read(&body::read(body).await?, caller.subject())?;
    match caller.issue(request, key.as_ref()).await? {
        Once::Issued(made) => Ok(created(&made)),
        Once::Repeated(repeated) => Ok(as_before(&repeated)),
        Once::Mismatched => Err(ApiError::key_of_another_request()),
    }
}

/// The token that an earlier request issued, without its text.
fn as_before(repeated: &Repeated) -> Response {
    let location = [(header::LOCATION, format!("/v1/tokens/{}", repeated.id))];
    (StatusCode::OK, location, Json(repeated)).into_response()
}

fn created(made: &Created) -> Response {
    let Created { issued: Issued { token, grant, confirmation }, shortened } = made;
    let answer =
        Answer { token: token.expose_secret(), grant, shortened: *shortened, confirmation: *confirmation };
    let location = [(header::LOCATION, format!("/v1/tokens/{}", grant.id))];
    (StatusCode::CREATED, location, Json(answer)).into_response()
}
