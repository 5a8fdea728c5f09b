//! The roles of `deploy/acl/`: each has the rights for its complete job, and no others.
#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "all of this is test code: a panic is a failed test, and its message says what failed"
)]

mod kit;

mod commands;
mod jobs;
mod keys;
mod moves;
mod refusals;
