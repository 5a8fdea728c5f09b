//! What the suite needs of a store beyond the contract: to see and touch it from outside.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use token_core::spi::TokenStore;
use token_core::{KeyRing, Timestamp, TokenId};

/// An empty store for one test, and access to it from outside.
///
/// What a fixture does, it does behind the store's back: no method may go through the method of the store whose behaviour
/// it is there to check.
#[async_trait]
pub trait Fixture: Send + Sync {
    /// The store under test.
    fn store(&self) -> Arc<dyn TokenStore>;

    /// The same tokens as another node sees them: a store opened for itself, where a store can be opened twice.
    fn other_node(&self) -> Arc<dyn TokenStore>;

    /// The time by the store's clock.
    async fn now(&self) -> Timestamp;

    /// Lets at least so much time pass by the store's clock.
    async fn pass(&self, time: Duration);

    /// Sets the store's clock back.
    ///
    /// # Panics
    /// The store's clock is a server's: see [`Topology::OWN_CLOCK`](crate::Topology::OWN_CLOCK).
    fn set_back(&self, by: Duration) {
        panic!("this clock cannot be set back by {by:?}")
    }

    /// Brings the end of a live token nearer, as if so much time had passed for it. Others may age as well.
    async fn age(&self, id: TokenId, by: Duration);

    /// How long the token still lives as the store has it; `None` when its record is gone.
    ///
    /// # Panics
    /// The record is there and would stay for ever.
    async fn remaining(&self, id: TokenId) -> Option<Duration>;

    /// The bytes that the store keeps as the token's record; `None` when it is gone.
    async fn record(&self, id: TokenId) -> Option<Vec<u8>>;

    /// Puts other bytes in the place of a live token's record, which keeps its time to live.
    ///
    /// # Panics
    /// The token has no record.
    async fn overwrite(&self, id: TokenId, bytes: Vec<u8>);
}

/// A key ring for stores under test, with a secret key, since only those seal.
#[must_use]
pub fn keys() -> Arc<KeyRing> {
    Arc::new(KeyRing::parse(&format!("1 {}", "5eed".repeat(16))).expect("a key file of one line"))
}

/// What a clock that a test moves shows at first.
pub const START: Timestamp = Timestamp::from_millis(1_800_000_000_000);
