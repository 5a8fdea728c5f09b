//! Counts of hits and misses.

use std::sync::atomic::{AtomicU64, Ordering};

use thread_local::ThreadLocal;

/// Counts hits and misses, separately in each thread.
#[derive(Default)]
pub(super) struct Tally(ThreadLocal<Counter>);

/// Aligned to two cache lines, because processors fetch them in pairs.
#[derive(Default)]
#[repr(align(128))]
struct Counter {
    hits: AtomicU64,
    misses: AtomicU64,
}

impl Tally {
    pub(super) fn hit(&self) {
        self.0.get_or_default().hits.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn miss(&self) {
        self.0.get_or_default().misses.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn hits(&self) -> u64 {
        self.0.iter().map(|counter| counter.hits.load(Ordering::Relaxed)).sum()
    }

    pub(super) fn misses(&self) -> u64 {
        self.0.iter().map(|counter| counter.misses.load(Ordering::Relaxed)).sum()
    }
}
