//! Thread-local copies of recently used entries.
//!
//! A thread that reads the shared map, or shares a grant, writes to memory that other threads write to as well: two threads
//! that validate the same tokens would hardly be faster than one. A copy is valid by the lease, generation and age of its
//! entry, so invalidating an entry also invalidates its copies.

use std::cell::RefCell;
use std::sync::Arc;

use thread_local::ThreadLocal;
use token_core::{Grant, TokenId};

use super::entries::{Entry, Held};
use super::settings::LocalCache;

/// The maximum number of slots of a thread.
const PLACES: usize = 1024;
/// The bound of the whole cache divided by the bound of one thread.
const SHARE: usize = 64;
/// Entries of more bytes than this are not copied.
const LARGE: usize = 1024;

/// The copies of all threads.
pub(super) struct Near {
    /// The number of slots of each thread; 0 if the cache is too small for copies.
    places: usize,
    threads: ThreadLocal<Places>,
}

/// The slots of a thread. Aligned to two cache lines, because processors fetch them in pairs.
#[repr(align(128))]
struct Places(RefCell<Box<[Option<Slot>]>>);

/// One slot. Several tokens share it.
#[derive(Clone)]
struct Slot {
    id: TokenId,
    entry: Entry,
}

impl Near {
    pub(super) fn new(settings: LocalCache) -> Self {
        let all = settings.entries().min(settings.bytes() / LARGE);
        Self { places: (all / SHARE).min(PLACES), threads: ThreadLocal::new() }
    }

    /// This thread's copy of a token's entry.
    pub(super) fn get(&self, id: TokenId) -> Option<Entry> {
        let places = self.threads.get()?.0.borrow();
        let own = places.get(self.place(id)?)?.as_ref()?;
        (own.id == id).then(|| own.entry.clone())
    }

    /// Copies an entry, unless another one that is still valid at `now` has its slot.
    pub(super) fn put(&self, id: TokenId, entry: &Entry, now: u64) {
        let Some(place) = self.place(id) else { return };
        let empty = || Places(RefCell::new(vec![None; self.places].into()));
        let mut places = self.threads.get_or(empty).0.borrow_mut();
        let Some(place) = places.get_mut(place) else { return };
        let taken = place.as_ref().is_some_and(|own| own.id != id && now < own.entry.until);
        if !taken && entry.size() <= LARGE {
            *place = Some(Slot { id, entry: entry.copied() });
        }
    }

    fn place(&self, id: TokenId) -> Option<usize> {
        // An id is random: any of its bits are suitable.
        (id.bits() as usize).checked_rem(self.places)
    }
}

impl Entry {
    /// The same entry with its own copy of the grant.
    fn copied(&self) -> Self {
        let what = match &self.what {
            Held::Live(grant) => Held::Live(Arc::new(Grant::clone(grant))),
            Held::Revoked => Held::Revoked,
        };
        Self { what, ..*self }
    }
}

#[cfg(test)]
mod tests {
    use token_core::spi::Partition;
    use token_core::{Access, Scopes};

    use super::*;
    use crate::cache::leases::Leases;
    use crate::cache::tests::grant;

    fn id(bits: u128) -> TokenId {
        TokenId::new(Partition::new(7).unwrap(), bits)
    }

    fn entry(id: TokenId, label: &str, until: u64) -> Entry {
        let what = Held::Live(Arc::new(grant(id, label)));
        Entry { what, until, generation: Leases::new().generation(id.partition()) }
    }

    /// The label of this thread's copy of a token.
    fn label(near: &Near, id: TokenId) -> Option<String> {
        match near.get(id)?.what {
            Held::Live(grant) => grant.label.as_ref().map(ToString::to_string),
            Held::Revoked => None,
        }
    }

    #[test]
    fn a_copy_belongs_to_one_thread() {
        let near = Near::new(LocalCache::default());
        let (token, original) = (id(1), entry(id(1), "a", 10));
        near.put(token, &original, 0);
        assert_eq!(label(&near, token).as_deref(), Some("a"));
        let (Held::Live(grant), Some(Held::Live(own))) =
            (&original.what, near.get(token).map(|own| own.what))
        else {
            panic!("both are live")
        };
        assert!(!Arc::ptr_eq(grant, &own), "nothing is shared with other threads");
        std::thread::scope(|scope| scope.spawn(|| assert_eq!(label(&near, token), None)).join().unwrap());
    }

    #[test]
    fn a_slot_is_kept_until_its_copy_is_too_old() {
        let near = Near::new(LocalCache::default());
        let (first, other) = (id(1), id(1 + PLACES as u128));
        near.put(first, &entry(first, "a", 10), 0);
        near.put(other, &entry(other, "b", 19), 9);
        assert_eq!((label(&near, first).as_deref(), label(&near, other)), (Some("a"), None));
        near.put(first, &entry(first, "c", 19), 9);
        assert_eq!(label(&near, first).as_deref(), Some("c"), "its own may be newer");
        near.put(other, &entry(other, "b", 29), 19);
        assert_eq!((label(&near, first), label(&near, other).as_deref()), (None, Some("b")));
    }

    #[test]
    fn copies_take_a_part_of_the_bound_of_the_cache() {
        let places =
            |entries, bytes| Near::new(LocalCache::default().max_entries(entries).max_bytes(bytes)).places;
        assert_eq!(places(100_000, 64 << 20), 1024);
        assert_eq!(places(6_400, 64 << 20), 100);
        assert_eq!(places(100_000, 640 << 10), 10);
        assert_eq!(places(63, 64 << 20), 0);
        let none = Near::new(LocalCache::default().max_entries(1));
        none.put(id(1), &entry(id(1), "a", 10), 0);
        assert!(none.get(id(1)).is_none());
    }

    #[test]
    fn a_large_entry_is_not_copied() {
        let near = Near::new(LocalCache::default());
        let mut grant = grant(id(1), "a");
        let scopes =
            (0..100).map(|node| format!("node:00000000-0000-0000-0000-{node:012}:r").parse().unwrap());
        grant.access = Access::Restricted(Scopes::new(scopes).unwrap());
        let large = Entry { what: Held::Live(Arc::new(grant)), ..entry(id(1), "a", 10) };
        near.put(id(1), &large, 0);
        assert!(near.get(id(1)).is_none());
    }
}
