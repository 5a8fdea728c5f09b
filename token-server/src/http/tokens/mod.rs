//! `/v1/tokens`: tokens as resources, for their holders and for administrators.
//!
//! Who may do what is said in one place, [`policy`](crate::operations::policy). Tokens and tombstones have the JSON form that the command and the
//! crates give them. A change that is done and not confirmed is reported as such: a new token is 201 all the same, with
//! `confirmation.confirmed` false, and `POST /v1/tokens/{id}/confirm` is 202 until it is confirmed; a revocation is 202, and
//! is to be repeated until it is 200.

mod confirm;
mod cursor;
mod issue;
mod list;
mod request;
mod revoke;
mod show;

pub(super) use confirm::confirm;
pub(super) use issue::issue;
pub(super) use list::list;
pub(super) use revoke::{revoke, revoke_all};
pub(super) use show::show;

use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use http::StatusCode;
use token_core::{Confirmation, TokenId};

use crate::error::ApiError;

/// What follows `/v1/tokens/`.
type InPath = Result<Path<String>, PathRejection>;

/// What is done and not confirmed is not finished (RFC 9110 §15.3.3): the caller repeats it.
fn status(confirmation: Confirmation) -> StatusCode {
    if confirmation.is_confirmed() { StatusCode::OK } else { StatusCode::ACCEPTED }
}

/// Reads a token id. A text that is none is not repeated: it may be (part of) a token.
fn id(path: InPath) -> Result<TokenId, ApiError> {
    let Path(text) = path.map_err(|_| ApiError::bad_request("the path is not UTF-8"))?;
    text.parse().map_err(|error| {
        ApiError::bad_request(format!("this is no token id: {error}; a token does not belong in a URL"))
    })
}
