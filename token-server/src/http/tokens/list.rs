//! `GET /v1/tokens`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::request::Parts;
use serde::Serialize;
use token_core::{Grant, Listing, Subject, UnreadableRecord};

use super::cursor::Cursor;
use crate::error::ApiError;
use crate::http::query::Query;
use crate::state::Sidecar;

/// How many tokens an answer has by default, and at most.
const DEFAULT_LIMIT: usize = 100;
const MAX_LIMIT: usize = 1000;

#[derive(Debug, Serialize)]
pub(crate) struct Page {
    tokens: Vec<Grant>,
    /// Tokens whose records this node cannot read, and why. They have no place in the order: the first page has all.
    unreadable: Vec<UnreadableRecord>,
    /// For the tokens that follow; none where these were the last.
    next_cursor: Option<String>,
}

/// The live tokens of a user, oldest first.
pub(crate) async fn list(State(sidecar): State<Arc<Sidecar>>, parts: Parts) -> Result<Json<Page>, ApiError> {
    let caller = sidecar.caller(&parts).await?;
    let query = Query::read(&parts, &["user", "limit", "cursor"])?;
    let (limit, cursor) = (limit(&query)?, query.get("cursor")?);
    let user: Subject = query.get("user")?.unwrap_or_else(|| caller.subject().clone());
    Ok(Json(page(caller.list(&user).await?, limit, cursor)))
}

fn limit(query: &Query) -> Result<usize, ApiError> {
    let Some(limit) = query.get::<String>("limit")? else { return Ok(DEFAULT_LIMIT) };
    let limit = limit.parse().ok().filter(|limit| (1..=MAX_LIMIT).contains(limit));
    limit.ok_or_else(|| ApiError::bad_request(format!("limit: it is a number from 1 to {MAX_LIMIT}")))
}

/// The tokens behind the cursor, as many as the limit says, and the cursor of the next page where there is one.
fn page(listing: Listing, limit: usize, cursor: Option<Cursor>) -> Page {
    let Listing { grants: mut tokens, mut unreadable } = listing;
    if cursor.is_some() {
        unreadable.clear();
    }
    tokens.retain(|grant| cursor.is_none_or(|cursor| Cursor::at(grant) > cursor));
    let more = tokens.len() > limit;
    tokens.truncate(limit);
    let last = tokens.last().filter(|_| more);
    Page { next_cursor: last.map(|grant| Cursor::at(grant).to_string()), tokens, unreadable }
}
