//! How often the cache could answer.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// So many counters that threads seldom meet at one.
const COUNTERS: usize = 32;

thread_local! {
    /// The number of this thread.
    static THREAD: usize = {
        static THREADS: AtomicUsize = AtomicUsize::new(0);
        THREADS.fetch_add(1, Ordering::Relaxed)
    };
}

/// Counts hits and misses.
#[derive(Default)]
pub(super) struct Tally([Counter; COUNTERS]);

/// Alone in its line of the processor's cache, and the next one, which is fetched with it.
#[derive(Default)]
#[repr(align(128))]
struct Counter {
    hits: AtomicU64,
    misses: AtomicU64,
}

impl Tally {
    pub(super) fn hit(&self) {
        self.counter().hits.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn miss(&self) {
        self.counter().misses.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn hits(&self) -> u64 {
        self.0.iter().map(|counter| counter.hits.load(Ordering::Relaxed)).sum()
    }

    pub(super) fn misses(&self) -> u64 {
        self.0.iter().map(|counter| counter.misses.load(Ordering::Relaxed)).sum()
    }

    fn counter(&self) -> &Counter {
        #[expect(clippy::indexing_slicing, reason = "a remainder of COUNTERS")]
        &self.0[THREAD.with(|number| number % COUNTERS)]
    }
}
