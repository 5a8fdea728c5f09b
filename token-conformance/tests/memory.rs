//! The suite on [`MemoryStore`], on a clock that the test moves.

#![expect(clippy::expect_used, reason = "a fixture that cannot look ends the test")]

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use token_core::spi::{Clock, ManualClock, MemoryStore, TokenStore};
use token_core::{Timestamp, TokenId, TokenStatus};

use token_conformance::{Fixture, START, Topology, keys};

fn main() -> std::process::ExitCode {
    token_conformance::run::<Memory>()
}

/// Stores in the memory of the test process.
struct Memory;

impl Topology for Memory {
    const NAME: &'static str = "memory";
    const OWN_CLOCK: bool = true;

    async fn start() -> Self {
        Self
    }

    async fn fixture(&self) -> Box<dyn Fixture> {
        Box::new(MemoryFixture::new())
    }
}

/// An empty [`MemoryStore`] and its clock.
struct MemoryFixture {
    store: Arc<MemoryStore>,
    clock: Arc<ManualClock>,
}

impl MemoryFixture {
    fn new() -> Self {
        let clock = Arc::new(ManualClock::new(START));
        Self { store: Arc::new(MemoryStore::with_clock(keys(), Arc::clone(&clock))), clock }
    }
}

#[async_trait]
impl Fixture for MemoryFixture {
    fn store(&self) -> Arc<dyn TokenStore> {
        self.store.clone()
    }

    fn other_node(&self) -> Arc<dyn TokenStore> {
        // There is one process, so there is one node.
        self.store.clone()
    }

    async fn now(&self) -> Timestamp {
        self.clock.now()
    }

    async fn pass(&self, time: Duration) {
        self.clock.advance(time);
    }

    fn set_back(&self, by: Duration) {
        self.clock.set_back(by);
    }

    async fn age(&self, _: TokenId, by: Duration) {
        self.clock.advance(by);
    }

    async fn remaining(&self, id: TokenId) -> Option<Duration> {
        // The store has no other way to read the deadline; all its methods read it from the same place as `show`.
        match self.store.show(id).await.expect("the store is there, and the record is sound") {
            TokenStatus::Live(grant) => Some(self.now().await.until(grant.expires_at)),
            TokenStatus::Revoked(_) | TokenStatus::Unknown => None,
        }
    }

    async fn record(&self, id: TokenId) -> Option<Vec<u8>> {
        let mut record = None;
        self.store.tamper(id, |bytes| record = Some(bytes.clone()));
        record
    }

    async fn overwrite(&self, id: TokenId, bytes: Vec<u8>) {
        let mut overwritten = false;
        self.store.tamper(id, |record| {
            *record = bytes;
            overwritten = true;
        });
        assert!(overwritten, "{id} has no record");
    }
}
