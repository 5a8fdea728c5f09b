//! The conformance suite for authors of token stores: the contract of [`TokenStore`](token_core::spi::TokenStore), one claim
//! per test.
//!
//! Implement [`Fixture`] for an empty store and [`Topology`] for the parts that all tests share, such as a server, and write
//! a test binary with `harness = false` whose `main` is [`run`]:
//!
//! ```no_run
//! # use std::sync::Arc;
//! # use token_conformance::{Fixture, Topology};
//! struct Mine;
//!
//! impl Topology for Mine {
//!     const NAME: &'static str = "mine";
//!
//!     async fn start() -> Self {
//!         Self
//!     }
//!
//!     async fn fixture(&self) -> Box<dyn Fixture> {
//!         todo!("an empty store on the started topology")
//!     }
//! }
//!
//! fn main() -> std::process::ExitCode {
//!     token_conformance::run::<Mine>()
//! }
//! ```
//!
//! The command line selects tests as with any other test binary. `tests/memory.rs` of this crate is a complete example.
#![deny(dead_code)]
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "all of this is test code: a panic is a failed test, and its message says what failed"
)]

mod claims;
mod fixture;
mod runner;

pub use claims::{ALL, Check, Claim, OWN_CLOCK};
pub use fixture::{Fixture, START, keys};
pub use runner::{Topology, run};
