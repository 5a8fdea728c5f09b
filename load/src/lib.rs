//! Load, and the latencies seen under it.
//!
//! - [`open`] is an **open loop**: calls start at a fixed rate, whether or not earlier ones have been answered, as requests
//!   of many independent clients do. Latency counts from when a call was *due*, so that a stall is seen by every call that
//!   would have come meanwhile (no coordinated omission). This is what tells latency.
//! - [`closed`] is a **closed loop**: so many callers, each with one call after the other. This is what tells throughput.
//!   A stall holds the callers back too, so it hides from the percentiles.
//!
//! A job is any `Fn(u64) -> Future<Output = Result<(), &'static str>>`: it is given the number of the call, and its error is
//! the word under which it is counted. Both loops are bounded in calls and time, and end calls that go on for too long.
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

/// How long calls may go on after a loop has ended, where its plan says nothing else.
pub const DRAIN: std::time::Duration = std::time::Duration::from_secs(10);
