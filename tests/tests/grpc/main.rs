//! The sidecar over gRPC, on a real Redis server, called by Envoy and stock clients.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "all of this is test code: a panic is a failed test, and its message says what failed"
)]

mod kit;

mod check;
mod envoy;
mod generated;
mod health;
mod hostile;
mod policy;
mod stock;
mod tokens;
