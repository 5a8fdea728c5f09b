//! The sidecar with real proxies, services and clients.
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
