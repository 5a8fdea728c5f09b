//! What an examination of a store finds, on real servers that are well, and on such that are not. What no server can be
//! brought into is tested where the judgement is: in `token-redis/src/doctor/checks`.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "all of this is test code: a panic is a failed test, and its message says what failed"
)]

mod kit;

mod cluster;
mod command;
mod embedded;
mod harmless;
mod replication;
mod roles;
mod sentinel;
mod server;
mod unreachable;
