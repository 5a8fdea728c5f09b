//! Metrics, logs and traces.

pub(crate) mod described;
mod hidden;
mod json;
mod lines;
pub(crate) mod log;
pub(crate) mod measured;
pub(crate) mod metrics;
pub(crate) mod otel;
mod otel_ignored;
mod otel_reach;
mod otel_resource;
mod repeats;
pub(crate) mod request_metrics;
mod text;
pub(crate) mod trace;
pub(crate) mod traces;
pub(crate) mod writer;
