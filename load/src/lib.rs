//! Load generation, and the latencies under load.
//!
//! - [`open`] is an **open loop**: calls start at a fixed rate, whether or not earlier ones have ended, like requests of
//!   many independent clients. Latency counts from when a call was *due*, so that a stall shows in every call that was due
//!   meanwhile (no coordinated omission). Use it to measure latency.
//! - [`closed`] is a **closed loop**: a number of callers, each with one call after the other. Use it to measure throughput.
//!   A stall also delays the callers, so it hardly shows in the percentiles.
//!
//! A job is any `Fn(u64) -> Future<Output = Result<(), &'static str>>`: it gets the number of the call, and its error is the
//! word under which the failure is counted. Both loops have bounds on calls and time, and cancel calls that take too long.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! use std::num::NonZeroU32;
//! use std::time::Duration;
//! use token_load::{Monitor, Open, open};
//!
//! let plan = Open::new(NonZeroU32::new(2_000).unwrap(), Duration::from_millis(50));
//! let measured = open(&plan, &Monitor::default(), async |_| Ok(())).await;
//! assert_eq!(measured.calls + measured.not_started, 100);
//! # }
//! ```

mod alarm;
mod closed;
mod latencies;
mod measured;
mod monitor;
mod open;
mod run;

pub use closed::{Closed, closed};
pub use latencies::Latencies;
pub use measured::Measured;
pub use monitor::Monitor;
pub use open::{Open, open};

/// How long calls may continue after the end of a loop by default.
pub const DRAIN: std::time::Duration = std::time::Duration::from_secs(10);
