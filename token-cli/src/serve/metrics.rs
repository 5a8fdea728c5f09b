//! What `/metrics` tells.

use std::sync::OnceLock;

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

use crate::failure::Failure;

/// Upper bounds in seconds: a validation takes a fraction of a millisecond, and ends after a second.
const BUCKETS: [f64; 12] = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.25, 1.0, 5.0];

static COUNTED: OnceLock<PrometheusHandle> = OnceLock::new();

/// Begins to count, and answers what writes it all down.
pub(super) fn start() -> Result<fn() -> String, Failure> {
    let refused = |error| Failure::system(std::io::Error::other(error));
    let builder = PrometheusBuilder::new().set_buckets(&BUCKETS).map_err(refused)?;
    let handle = builder.install_recorder().map_err(refused)?;
    COUNTED.get_or_init(|| handle);
    Ok(|| COUNTED.get().map(PrometheusHandle::render).unwrap_or_default())
}
