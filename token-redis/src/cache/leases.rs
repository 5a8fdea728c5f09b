//! Until when what is known of a partition counts.
//!
//! Each partition has a *lease*: until then, whatever its primary tells has been heard. And it has a *generation*, which
//! turns when one of its tokens is revoked, and whenever something may have been missed: an entry of an earlier
//! generation does not count. Reading both is all that an answer costs, and nothing has to be searched and removed.

use std::sync::atomic::{AtomicU64, Ordering};

use token_core::spi::{PARTITIONS, Partition};

/// What an entry was made in; it counts while its partition is still in it.
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
    /// None is given yet.
    pub(super) fn new() -> Self {
        Self((0..PARTITIONS).map(|_| Lease::default()).collect())
    }

    /// Until when the partition can be heard; 0 when it cannot.
    pub(super) fn until(&self, partition: Partition) -> u64 {
        self.of(partition).until.load(Ordering::Acquire)
    }

    /// What the partition is in.
    pub(super) fn generation(&self, partition: Partition) -> Generation {
        Generation(self.of(partition).generation.load(Ordering::Acquire))
    }

    /// All that is known of the partition counts no more.
    pub(super) fn turn(&self, partition: Partition) {
        self.of(partition).generation.fetch_add(1, Ordering::AcqRel);
    }

    /// The partition was heard: gives or extends its lease. When there was none at `now`, something may have been missed.
    pub(super) fn extend(&self, partition: Partition, now: u64, until: u64) {
        if self.until(partition) <= now {
            self.turn(partition);
        }
        self.of(partition).until.fetch_max(until, Ordering::AcqRel);
    }

    /// The partition cannot be heard any more.
    pub(super) fn end(&self, partition: Partition) {
        self.of(partition).until.store(0, Ordering::Release);
        self.turn(partition);
    }

    /// How many can be heard at `now`.
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
    fn a_revocation_turns_its_partition_and_no_other() {
        let leases = Leases::new();
        let (one, other) = (leases.generation(partition(1)), leases.generation(partition(2)));
        leases.turn(partition(1));
        assert_ne!(leases.generation(partition(1)), one);
        assert_eq!(leases.generation(partition(2)), other);
    }

    #[test]
    fn a_lease_that_was_never_interrupted_keeps_what_is_known() {
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
