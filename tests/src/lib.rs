//! The stores and topologies of the conformance suite, their servers, rounds of faults, and the programs under test.
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
