//! Whether the process lives, and whether it can do its work.

use std::sync::Arc;

use axum::extract::State;
use axum::response::IntoResponse;
use http::{StatusCode, header};
use token_core::os_rng;

use super::Sidecar;
use super::problem::Problem;

/// It answers, so it lives.
pub(super) async fn healthz() -> StatusCode {
    StatusCode::OK
}

/// The store answers: for a token of any partition, so that each look may meet another node.
pub(super) async fn readyz(State(sidecar): State<Arc<Sidecar>>) -> Result<StatusCode, Problem> {
    let mut rng = os_rng().map_err(Problem::randomness)?;
    sidecar.tokens.probe(&mut rng).await?;
    Ok(StatusCode::OK)
}

/// Everything that is counted.
pub(super) async fn metrics(State(sidecar): State<Arc<Sidecar>>) -> Result<impl IntoResponse, Problem> {
    let metrics = sidecar.metrics.ok_or(Problem::Wrong(
        StatusCode::NOT_FOUND,
        "not_found",
        "nothing is counted".into(),
    ))?;
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], metrics()))
}
