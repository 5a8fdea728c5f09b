//! Whether the process lives, and whether it can do its work.

use std::sync::Arc;

use axum::extract::State;
use axum::response::IntoResponse;
use http::{StatusCode, header};
use token_core::{ServiceError, StoreErrorKind};

use crate::error::ApiError;
use crate::state::Sidecar;
use crate::store::Tokens;

/// It answers, so it lives.
pub(crate) async fn healthz() -> StatusCode {
    StatusCode::OK
}

/// The store answers, and the process will not end soon.
pub(crate) async fn readyz(State(sidecar): State<Arc<Sidecar>>) -> Result<StatusCode, ApiError> {
    if sidecar.retirement.is_announced() {
        return Err(ApiError::NotNow("draining", "this process will end soon; ask another one"));
    }
    match look(&sidecar.tokens).await {
        // A probe changes nothing.
        Err(ServiceError::Store(error)) if error.kind() == StoreErrorKind::TimedOut => {
            ApiError::from(error).log();
            Err(ApiError::NotNow("timed_out", "the store did not answer in time"))
        }
        probed => Ok(probed.map(|()| StatusCode::OK)?),
    }
}

/// Asks the store for a token of any partition, so that each look may meet another node.
pub(crate) async fn look(tokens: &Tokens) -> Result<(), ServiceError> {
    tokens.probe().await
}

/// Everything that is counted.
pub(crate) async fn metrics(State(sidecar): State<Arc<Sidecar>>) -> Result<impl IntoResponse, ApiError> {
    let metrics = sidecar.metrics.as_ref().ok_or(ApiError::NotFound("this process has no metrics"))?;
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], metrics()))
}
