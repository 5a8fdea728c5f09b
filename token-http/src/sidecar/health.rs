//! Whether the process lives, and whether it can do its work.

use std::sync::Arc;

use axum::extract::State;
use http::StatusCode;
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
