//! The findings of an examination on real servers, healthy and unhealthy. States that no test can cause on a server are
//! tested in `token-doctor/src/redis/checks`.

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
