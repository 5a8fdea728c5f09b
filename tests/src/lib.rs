//! The conformance suite, run unchanged on every store and topology, the servers that it runs on, and where the command is.
#![deny(dead_code)]
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "all of this is test code: a panic is a failed test, and its message says what failed"
)]

pub mod conformance;
pub mod containers;
pub mod faults;
pub mod programs;
pub mod rig;
pub mod runner;
pub mod servers;
