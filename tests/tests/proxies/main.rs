//! The sidecar behind real proxies, in front of real services, used by real clients. Nothing here is a stand-in.
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "all of this is test code: a panic is a failed test, and its message says what failed"
)]

mod clients;

mod apache;
mod caddy;
mod haproxy;
mod hop_by_hop;
mod needs;
mod nginx;
mod oauth;
mod published;
mod tools;
mod webdav;
