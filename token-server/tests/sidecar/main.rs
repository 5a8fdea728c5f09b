//! What the sidecar answers, from outside.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "all of this is test code: a panic is a failed test, and its message says what failed"
)]

mod answers;
mod bare_tokens;
mod cors;
mod holders;
mod hostile;
mod idempotency;
mod kit;
mod oauth;
mod openapi;
mod policy;
mod proxies;
mod renewal;
mod requests;
mod secrets;
mod tokens;
mod trouble;
mod unreadable;
