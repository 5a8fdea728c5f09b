//! The conformance suite, run unchanged on every store and topology, and the servers that it runs on.
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
