//! What a subscriber of revocations learns, and what the cache makes of it.
//!
//! | it learns | then |
//! |---|---|
//! | a primary still validates, and all that it told before has arrived | the leases of its partitions are extended, from the sending of the probe |
//! | something may have been missed | the leases of its partitions end |
//! | tokens were revoked | what is known of their partition is not used any more |

use std::time::Duration;

use token_core::TokenId;
use token_core::spi::Partition;

use super::{Known, nanos};

/// Learns of changes to tokens. A [`Subscription`](super::subscription::Subscription) knows no more of its cache.
pub(super) trait ChangeObserver: Send + Sync + 'static {
    /// A moment, for a probe that is sent now.
    fn now(&self) -> u64;

    /// The primary of these partitions has answered a probe that was sent then.
    fn confirmed(&self, partitions: &[Partition], sent: u64);

    /// Changes to tokens of these partitions may have been missed.
    fn missed(&self, partitions: &[Partition]);

    /// These tokens of one partition were revoked.
    fn revoked(&self, ids: &[TokenId]);
}

/// The observer of a cache whose answers may be so old.
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

    /// The partition must not turn again behind what is kept of the tokens.
    fn revoked(&self, ids: &[TokenId]) {
        ids.iter().for_each(|id| self.known.leases.turn(id.partition()));
        ids.iter().for_each(|&id| self.known.revoked(id, self.age));
    }
}
