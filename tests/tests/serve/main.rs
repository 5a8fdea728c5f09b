//! The sidecar as a process: what it bears, what it tells, and how it ends.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "all of this is test code: a panic is a failed test, and its message says what failed"
)]

mod access_log;
mod cache;
mod ending;
mod hostile;
mod listening;
mod log_output;
mod log_text;
mod metrics;
mod telling;
mod threads;
mod tracing;
mod wire;
