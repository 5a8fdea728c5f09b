//! The bounds of a local cache.

use std::time::Duration;

/// A local cache of live tokens, see [`Options::local_cache`](crate::Options::local_cache).
///
/// With it, this node refuses a revoked token as soon as the message arrives, within milliseconds, and never later than
/// [`max_age`](Self::max_age) after the revocation was acknowledged, even if the channel fails. This holds while the clock of
/// the machine runs: a paused virtual machine does not notice the pause, nor, except on Linux, a sleeping machine the sleep.
/// A sliding token lives up to `max_age` longer than its window after its last use, because the cache answers for that long
/// without renewing it. It never expires earlier, and never lives past its hard expiry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LocalCache {
    max_age: Duration,
    max_entries: usize,
    max_bytes: usize,
}

/// An age of one second, 100 000 tokens, 64 MiB.
impl Default for LocalCache {
    fn default() -> Self {
        Self { max_age: Duration::from_secs(1), max_entries: 100_000, max_bytes: 64 << 20 }
    }
}

impl LocalCache {
    /// The greatest age of an answer. `validate.lua` has the same bound.
    pub const LONGEST: Duration = Duration::from_secs(60);

    /// How long an answer is valid, from the sending of the call that found it: whole milliseconds, clamped to at least one and
    /// at most [`LocalCache::LONGEST`].
    #[must_use]
    pub fn max_age(mut self, age: Duration) -> Self {
        let millis = u64::try_from(age.as_millis()).unwrap_or(u64::MAX);
        self.max_age = Duration::from_millis(millis.max(1)).min(Self::LONGEST);
        self
    }

    /// The approximate maximum number of tokens.
    #[must_use]
    pub fn max_entries(self, max_entries: usize) -> Self {
        Self { max_entries, ..self }
    }

    /// The approximate maximum memory in bytes, and in addition a 64th of it for each thread that uses the cache, at most 1 MiB.
    #[must_use]
    pub fn max_bytes(self, max_bytes: usize) -> Self {
        Self { max_bytes, ..self }
    }

    pub(super) fn age(&self) -> Duration {
        self.max_age
    }

    pub(super) fn entries(&self) -> usize {
        self.max_entries.max(1)
    }

    pub(super) fn bytes(&self) -> usize {
        self.max_bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_out_of_bounds_is_clamped() {
        for (asked, taken) in [(0, 1), (1, 1), (250, 250), (3_600_000, 60_000)] {
            let cache = LocalCache::default().max_age(Duration::from_millis(asked));
            assert_eq!(cache.age(), Duration::from_millis(taken));
        }
    }
}
