//! The local cache: it answers repeated uses of a token from memory, and receives revocations at once.
//!
//! An entry is valid for [`LocalCache::max_age`] from the *sending* of the call that found it, never after the token's
//! expiry, and only while its partition has a lease ([`Leases`]). Scripts publish their revocations on a channel; each
//! revocation invalidates all entries of its partition, which are few. Renewals, which are many, are not published: they
//! change no entry.
//!
//! The cache does *not* keep that a token is unknown, because it may be issued at this moment, nor the result of a peek,
//! because a peek renews nothing. It does keep that a token was revoked, because the token cannot be issued again.

mod clock;
mod entries;
mod leases;
mod near;
mod protocol;
mod settings;
mod subscription;
mod supervisor;
mod tally;

use std::sync::Arc;
use std::time::Duration;

use token_core::spi::Partition;
use token_core::{Grant, Reason, Requirement, TokenId, Verdict};
use tokio::sync::Notify;

use self::clock::Clock;
use self::entries::{Entries, Entry, Held};
use self::leases::{Generation, Leases};
use self::near::Near;
use self::protocol::Observer;
pub use self::settings::LocalCache;
use self::subscription::Settings;
use self::supervisor::Supervisor;
use self::tally::Tally;
use crate::connection::{Limits, Topology};
use crate::keys::Namespace;

/// The cache of one store.
pub(crate) struct Cache {
    settings: LocalCache,
    known: Arc<Known>,
    tally: Tally,
    /// Stops when the store is dropped.
    _supervisor: Supervisor,
}

/// The entries, and how long they are valid.
pub(crate) struct Known {
    clock: Clock,
    entries: Entries,
    near: Near,
    leases: Leases,
}

/// The state of a local cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct CacheStatus {
    /// Uses that the cache answered.
    pub hits: u64,
    /// Uses that the store had to answer.
    pub misses: u64,
    /// The number of entries, including those that are not valid any more.
    pub entries: usize,
    /// For how many of the 1 024 partitions revocations are received at this moment. The store answers for all others.
    pub partitions_heard: usize,
}

/// A call that is about to be sent.
#[derive(Clone, Copy)]
pub(crate) struct Sending {
    at: u64,
    generation: Generation,
}

impl Cache {
    /// Starts the subscriptions. The cache answers nothing before a subscription is active.
    pub(crate) fn open(
        settings: LocalCache,
        topology: Arc<Topology>,
        names: &Namespace,
        limits: Limits,
    ) -> Self {
        let known = Arc::new(Known {
            clock: Clock::start(),
            entries: Entries::new(settings),
            near: Near::new(settings),
            leases: Leases::new(),
        });
        let age = settings.age();
        let subscriptions = Settings {
            observer: Arc::new(Observer { known: known.clone(), age }),
            age,
            url: topology.url().clone(),
            names: names.clone(),
            limits,
            lost: Notify::new(),
        };
        let supervisor = Supervisor::start(topology, subscriptions);
        Self { settings, known, tally: Tally::default(), _supervisor: supervisor }
    }

    /// How much longer than its window a renewed token must live, so that uses answered by the cache do not shorten its life.
    pub(crate) fn grace(&self) -> Duration {
        self.settings.age()
    }

    pub(crate) fn status(&self) -> CacheStatus {
        let Known { entries, leases, .. } = &*self.known;
        CacheStatus {
            hits: self.tally.hits(),
            misses: self.tally.misses(),
            entries: entries.len(),
            partitions_heard: leases.given(self.known.clock.now()),
        }
    }

    /// The verdict on a use, if the cache has a valid entry.
    pub(crate) fn verdict(&self, id: TokenId, requirement: &Requirement) -> Option<Verdict> {
        let verdict = self.known.verdict(id, requirement)?;
        self.tally.hit();
        Some(verdict)
    }

    /// Call this before sending a call whose answer shall be kept.
    pub(crate) fn sending(&self, id: TokenId) -> Sending {
        self.tally.miss();
        Sending { at: self.known.clock.now(), generation: self.known.leases.generation(id.partition()) }
    }

    /// Keeps the result of a use: a live token that expires after `left`.
    pub(crate) fn keep(&self, sending: Sending, grant: &Arc<Grant>, left: Duration) {
        let until = sending.at.saturating_add(nanos(left.min(self.settings.age())));
        self.known.entries.put(grant.id, Held::Live(grant.clone()), until, sending.generation);
    }

    /// Invalidates the entries of a partition: this node has revoked one of its tokens.
    pub(crate) fn forget(&self, partition: Partition) {
        self.known.leases.turn(partition);
    }
}

impl Known {
    fn verdict(&self, id: TokenId, requirement: &Requirement) -> Option<Verdict> {
        Some(match self.entry(id)?.what {
            Held::Live(grant) => match requirement.unmet_by(&grant.subject, &grant.access) {
                Some(reason) => Verdict::Inactive(reason),
                None => Verdict::Active(grant),
            },
            Held::Revoked => Verdict::Inactive(Reason::NoSuchToken),
        })
    }

    /// The valid entry of a token, if there is one.
    fn entry(&self, id: TokenId) -> Option<Entry> {
        if let Some(copy) = self.near.get(id)
            && self.counts(id, &copy).is_some()
        {
            return Some(copy);
        }
        let entry = self.entries.get(id)?;
        let now = self.counts(id, &entry)?;
        self.near.put(id, &entry, now);
        Some(entry)
    }

    /// The time of the check, if the entry is valid.
    fn counts(&self, id: TokenId, entry: &Entry) -> Option<u64> {
        // Read the lease first: this makes all messages visible that arrived before it was given.
        let lease = self.leases.until(id.partition());
        let current = self.leases.generation(id.partition());
        let now = self.clock.now();
        (now < lease && now < entry.until && entry.generation == current).then_some(now)
    }

    /// Keeps that a token was revoked, after its partition was bumped. The token cannot be issued again.
    fn revoked(&self, id: TokenId, age: Duration) {
        let until = self.clock.now().saturating_add(nanos(age));
        self.entries.put(id, Held::Revoked, until, self.leases.generation(id.partition()));
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use token_core::{Access, Deadlines, Timestamp};

    use super::*;

    pub(super) fn grant(id: TokenId, label: &str) -> Grant {
        let times = (Timestamp::from_millis(0), Timestamp::from_millis(1));
        Grant {
            id,
            subject: "ada".parse().unwrap(),
            access: Access::Full,
            label: Some(label.parse().unwrap()),
            issuer: None,
            issued_at: times.0,
            expires_at: times.1,
            deadlines: Deadlines::new(None, Some(times.1)).unwrap(),
        }
    }

    /// A cache with a valid entry of this token only.
    fn known(id: TokenId) -> Known {
        let settings = LocalCache::default();
        let known = Known {
            clock: Clock::start(),
            entries: Entries::new(settings),
            near: Near::new(settings),
            leases: Leases::new(),
        };
        known.leases.extend(id.partition(), known.clock.now(), u64::MAX);
        put(&known, id, "first", u64::MAX);
        known
    }

    fn put(known: &Known, id: TokenId, label: &str, until: u64) {
        let generation = known.leases.generation(id.partition());
        known.entries.put(id, Held::Live(Arc::new(grant(id, label))), until, generation);
    }

    /// The label of the token, if the cache answers its use.
    fn answered(known: &Known, id: TokenId) -> Option<String> {
        let verdict = known.verdict(id, &Requirement::any())?;
        Some(verdict.grant()?.label.as_ref()?.to_string())
    }

    fn token() -> TokenId {
        TokenId::new(Partition::new(7).unwrap(), 1)
    }

    #[test]
    fn a_bumped_generation_invalidates_the_copies_of_threads() {
        let (id, known) = (token(), known(token()));
        for _ in 0..3 {
            assert_eq!(answered(&known, id).as_deref(), Some("first"));
        }
        assert!(known.near.get(id).is_some(), "this thread has a copy");
        known.leases.turn(id.partition());
        assert_eq!(answered(&known, id), None);
    }

    #[test]
    fn the_end_of_a_lease_invalidates_the_copies_of_threads() {
        let (id, known) = (token(), known(token()));
        assert!(answered(&known, id).is_some());
        // A new lease that is over already: the generation is the same.
        known.leases.end(id.partition());
        put(&known, id, "second", u64::MAX);
        known.near.put(id, &known.entries.get(id).unwrap(), 0);
        assert_eq!(answered(&known, id), None);
        known.leases.extend(id.partition(), 0, u64::MAX);
        put(&known, id, "third", u64::MAX);
        assert!(answered(&known, id).is_some(), "with a lease, it would be");
    }

    #[test]
    fn a_copy_that_is_too_old_is_replaced_by_the_newer_entry() {
        let (id, known) = (token(), known(token()));
        // This is in the past for any clock.
        let old = Entry { until: 0, ..known.entries.get(id).unwrap() };
        known.near.put(id, &old, 0);
        put(&known, id, "second", u64::MAX);
        for _ in 0..2 {
            assert_eq!(answered(&known, id).as_deref(), Some("second"));
        }
        put(&known, id, "third", u64::MAX);
        assert_eq!(answered(&known, id).as_deref(), Some("second"), "a copy that counts is enough");
    }
}
