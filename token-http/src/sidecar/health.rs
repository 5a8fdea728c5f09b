//! Whether the process lives, and whether it can do its work.

use std::sync::Arc;

use axum::extract::State;
use axum::response::IntoResponse;
use http::{StatusCode, header};
use token_core::{StoreError, StoreErrorKind, os_rng};

use super::problem::Problem;
use super::{Sidecar, Tokens};

/// It answers, so it lives.
pub(super) async fn healthz() -> StatusCode {
    StatusCode::OK
}

/// The store answers, and the process will not end soon.
pub(super) async fn readyz(State(sidecar): State<Arc<Sidecar>>) -> Result<StatusCode, Problem> {
    if sidecar.retirement.is_announced() {
        return Err(Problem::NotNow("draining", "this process will end soon; ask another one"));
    }
    look(&sidecar.tokens).await?;
    Ok(StatusCode::OK)
}

/// Asks the store for a token of any partition, so that each look may meet another node.
pub(super) async fn look(tokens: &Tokens) -> Result<(), StoreError> {
    let mut rng =
        os_rng().map_err(|error| StoreError::new(StoreErrorKind::Unavailable, error.to_string()))?;
    tokens.probe(&mut rng).await
}

/// Everything that is counted.
pub(super) async fn metrics(State(sidecar): State<Arc<Sidecar>>) -> Result<impl IntoResponse, Problem> {
    let metrics = sidecar.metrics.as_ref().ok_or(Problem::Wrong(
        StatusCode::NOT_FOUND,
        "not_found",
        "nothing is counted".into(),
    ))?;
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], metrics()))
}
