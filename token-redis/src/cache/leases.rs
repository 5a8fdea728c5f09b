//! How long the entries of a partition are valid.
//!
//! Each partition has a *lease*: until it ends, all messages of its primary have been received. And it has a *generation*
//! (its epoch), which is bumped when one of its tokens is revoked, and whenever a message may have been missed: an entry of
//! an earlier generation is not valid. An answer only reads both, and no entry has to be searched and removed.

use std::sync::atomic::{AtomicU64, Ordering};

use token_core::spi::{PARTITIONS, Partition};

/// The epoch of a partition. An entry is valid while its partition is still in the entry's generation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Generation(u64);

/// The leases and generations of all partitions.
pub(super) struct Leases(Box<[Lease]>);

#[derive(Default)]
struct Lease {
    until: AtomicU64,
    generation: AtomicU64,
}

impl Leases {
    /// Leases of which none has been given yet.
    pub(super) fn new() -> Self {
        Self((0..PARTITIONS).map(|_| Lease::default()).collect())
    }

    /// When the partition's lease ends; 0 if there is none.
    pub(super) fn until(&self, partition: Partition) -> u64 {
        self.of(partition).until.load(Ordering::Acquire)
    }

    /// The current generation of the partition.
    pub(super) fn generation(&self, partition: Partition) -> Generation {
        Generation(self.of(partition).generation.load(Ordering::Acquire))
    }

    /// Bumps the generation: no entry of the partition is valid any more.
    pub(super) fn turn(&self, partition: Partition) {
        self.of(partition).generation.fetch_add(1, Ordering::AcqRel);
    }

    /// Gives or extends the lease of the partition. If there was none at `now`, a message may have been missed.
    pub(super) fn extend(&self, partition: Partition, now: u64, until: u64) {
        if self.until(partition) <= now {
            self.turn(partition);
        }
        self.of(partition).until.fetch_max(until, Ordering::AcqRel);
    }

    /// Ends the lease: messages of the partition do not arrive any more.
    pub(super) fn end(&self, partition: Partition) {
        self.of(partition).until.store(0, Ordering::Release);
        self.turn(partition);
    }

    /// How many partitions have a lease at `now`.
    pub(super) fn given(&self, now: u64) -> usize {
        self.0.iter().filter(|lease| lease.until.load(Ordering::Relaxed) > now).count()
    }

    fn of(&self, partition: Partition) -> &Lease {
        #[expect(clippy::indexing_slicing, reason = "the number is below PARTITIONS, and there are as many")]
        &self.0[usize::from(partition.number())]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn partition(number: u16) -> Partition {
        Partition::new(number).unwrap()
    }

    #[test]
    fn a_revocation_bumps_only_its_own_partition() {
        let leases = Leases::new();
        let (one, other) = (leases.generation(partition(1)), leases.generation(partition(2)));
        leases.turn(partition(1));
        assert_ne!(leases.generation(partition(1)), one);
        assert_eq!(leases.generation(partition(2)), other);
    }

    #[test]
    fn an_uninterrupted_lease_keeps_the_entries_valid() {
        let (leases, one) = (Leases::new(), partition(1));
        leases.extend(one, 0, 10);
        let generation = leases.generation(one);
        leases.extend(one, 9, 19);
        assert_eq!((leases.generation(one), leases.until(one)), (generation, 19));
    }

    #[test]
    fn after_a_gap_in_the_lease_nothing_cached_before_is_valid() {
        let (leases, one) = (Leases::new(), partition(1));
        leases.extend(one, 0, 10);
        let generation = leases.generation(one);
        leases.extend(one, 10, 20);
        assert_ne!(leases.generation(one), generation);
    }

    #[test]
    fn nothing_cached_before_a_lease_ended_is_valid_in_the_next_one() {
        let (leases, one) = (Leases::new(), partition(1));
        leases.extend(one, 0, 10);
        let generation = leases.generation(one);
        leases.end(one);
        assert_eq!(leases.until(one), 0);
        leases.extend(one, 1, 11);
        assert_ne!(leases.generation(one), generation);
    }
}
