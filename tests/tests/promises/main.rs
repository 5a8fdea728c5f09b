//! The promises listed in ARCHITECTURE.md, on real servers. The conformance suite tests the contract of every store; these
//! tests need Redis, the command, or measurements.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "all of this is test code: a panic is a failed test, and its message says what failed"
)]

mod kit;

mod canary;
mod clock;
mod command_line;
mod confirmation;
mod fleet_keys;
mod full_memory;
mod garbage;
mod healing;
mod index;
mod local_cache;
mod lost_scripts;
mod many;
mod memory_budget;
mod misuse;
mod no_answer;
mod once;
mod one_bad_record;
mod one_command;
mod runtimes;
mod same_decision;
mod time_to_live;
mod tls;
mod true_causes;
mod wrong_server;
