//! What a subscriber of revocations observes, and how the cache reacts.
//!
//! | observation | reaction |
//! |---|---|
//! | a primary still validates, and all its earlier messages have arrived | the leases of its partitions are extended, from the sending of the probe |
//! | a message may have been missed | the leases of its partitions end |
//! | tokens were revoked | the entries of their partition are not valid any more |

use std::time::Duration;

use token_core::TokenId;
use token_core::spi::Partition;

use super::{Known, nanos};

/// Receives changes to tokens. A [`Subscription`](super::subscription::Subscription) knows nothing else about its cache.
pub(super) trait ChangeObserver: Send + Sync + 'static {
    /// The current time, for a probe that is about to be sent.
    fn now(&self) -> u64;

    /// The primary of these partitions has answered a probe that was sent at `sent`.
    fn confirmed(&self, partitions: &[Partition], sent: u64);

    /// Changes to tokens of these partitions may have been missed.
    fn missed(&self, partitions: &[Partition]);

    /// These tokens of one partition were revoked.
    fn revoked(&self, ids: &[TokenId]);
}

/// The observer of a cache with this maximum age.
pub(super) struct Observer {
    pub(super) known: std::sync::Arc<Known>,
    pub(super) age: Duration,
}

impl ChangeObserver for Observer {
    fn now(&self) -> u64 {
        self.known.clock.now()
    }

    fn confirmed(&self, partitions: &[Partition], sent: u64) {
        let (now, until) = (self.now(), sent.saturating_add(nanos(self.age)));
        partitions.iter().for_each(|&partition| self.known.leases.extend(partition, now, until));
    }

    fn missed(&self, partitions: &[Partition]) {
        partitions.iter().for_each(|&partition| self.known.leases.end(partition));
    }

    /// Bumps all generations before it keeps entries: a later bump would invalidate them.
    fn revoked(&self, ids: &[TokenId]) {
        ids.iter().for_each(|id| self.known.leases.turn(id.partition()));
        ids.iter().for_each(|&id| self.known.revoked(id, self.age));
    }
}
