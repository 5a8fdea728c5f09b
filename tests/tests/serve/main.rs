//! The sidecar as a process: load, logs, metrics, traces, and shutdown.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "all of this is test code: a panic is a failed test, and its message says what failed"
)]

mod access_log;
mod addresses;
mod cache;
mod certificates;
mod ending;
mod full_disk;
mod heads;
mod hostile;
mod listening;
mod log_output;
mod log_text;
mod metrics;
mod reloading;
mod starting;
mod storms;
mod targets;
mod telling;
mod threads;
mod tracing;
mod wire;

/// Waits until the condition is true.
async fn until(mut so: impl AsyncFnMut() -> bool) {
    for _ in 0..1_500 {
        if so().await {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("it never came to that");
}
