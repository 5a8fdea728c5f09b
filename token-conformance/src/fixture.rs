//! Access to a store from outside, which the suite needs in addition to the contract.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use token_core::spi::TokenStore;
use token_core::{KeyRing, Timestamp, TokenId};

/// An empty store for one test, and access to it from outside.
///
/// A fixture bypasses the store: no method may use the store's method whose behaviour it helps to check.
#[async_trait]
pub trait Fixture: Send + Sync {
    /// The store under test.
    fn store(&self) -> Arc<dyn TokenStore>;

    /// The same tokens in the view of another node: a second store, if a store can be opened twice.
    fn other_node(&self) -> Arc<dyn TokenStore>;

    /// The time by the store's clock.
    async fn now(&self) -> Timestamp;

    /// Lets at least this much time pass by the store's clock.
    async fn pass(&self, time: Duration);

    /// Sets the store's clock back.
    ///
    /// # Panics
    /// The store uses a server's clock: see [`Topology::OWN_CLOCK`](crate::Topology::OWN_CLOCK).
    fn set_back(&self, by: Duration) {
        panic!("this clock cannot be set back by {by:?}")
    }

    /// Makes a live token expire earlier, as if this much time had passed. Other tokens may age as well.
    async fn age(&self, id: TokenId, by: Duration);

    /// The remaining life of the token in the store; `None` if its record is gone.
    ///
    /// # Panics
    /// The record exists and would never expire.
    async fn remaining(&self, id: TokenId) -> Option<Duration>;

    /// The bytes of the token's record in the store; `None` if it is gone.
    async fn record(&self, id: TokenId) -> Option<Vec<u8>>;

    /// Replaces the bytes of a live token's record, which keeps its TTL.
    ///
    /// # Panics
    /// The token has no record.
    async fn overwrite(&self, id: TokenId, bytes: Vec<u8>);
}

/// A key ring for stores under test, with a secret key: the public key protects no record.
#[must_use]
pub fn keys() -> Arc<KeyRing> {
    Arc::new(KeyRing::parse(&format!("1 {}", "5eed".repeat(16))).expect("a key file of one line"))
}

/// The initial time of a clock that a test moves.
pub const START: Timestamp = Timestamp::from_millis(1_800_000_000_000);
