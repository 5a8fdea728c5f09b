//! The stores and topologies that the conformance suite runs on, their servers, rounds of faults, and where the command is.
#![deny(dead_code)]
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "all of this is test code: a panic is a failed test, and its message says what failed"
)]

pub mod containers;
pub mod faults;
pub mod fixtures;
pub mod programs;
pub mod servers;
