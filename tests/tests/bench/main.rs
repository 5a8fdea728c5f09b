//! `token-cli bench`: its numbers add up, and it leaves nothing in the store.
#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "all of this is test code: a panic is a failed test, and its message says what failed"
)]

mod ending;
mod kit;
mod rights;
mod telling;
