//! What a local cache may hold, and for how long.

use std::time::Duration;

/// A local cache of live tokens, see [`Options::local_cache`](crate::Options::local_cache).
///
/// With it, a revocation is refused on this node as soon as it was told, in milliseconds, and never later than
/// [`max_age`](Self::max_age) after it was acknowledged, whatever happens to the channel, as long as the clock of the
/// machine runs: a virtual machine that is paused does not notice, and on other systems than Linux neither does one that
/// sleeps. A token that slides lives up to
/// `max_age` longer than its window after its last use, since uses are answered here for so long without renewing it; it
/// never dies earlier, nor past its hard expiry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LocalCache {
    max_age: Duration,
    max_entries: usize,
    max_bytes: usize,
}

/// Tokens for a second; 100 000 of them; 64 MiB.
impl Default for LocalCache {
    fn default() -> Self {
        Self { max_age: Duration::from_secs(1), max_entries: 100_000, max_bytes: 64 << 20 }
    }
}

impl LocalCache {
    /// The longest time that an answer may count for. `validate.lua` knows it, too.
    pub const LONGEST: Duration = Duration::from_secs(60);

    /// How long an answer counts, from the sending of the call that found it: whole milliseconds, at least one and at most
    /// [`LocalCache::LONGEST`]; what is outside is taken as the nearest.
    #[must_use]
    pub fn max_age(mut self, age: Duration) -> Self {
        let millis = u64::try_from(age.as_millis()).unwrap_or(u64::MAX);
        self.max_age = Duration::from_millis(millis.max(1)).min(Self::LONGEST);
        self
    }

    /// How many tokens are kept at most, about.
    #[must_use]
    pub fn max_entries(self, max_entries: usize) -> Self {
        Self { max_entries, ..self }
    }

    /// How much memory they may take at most, about; and a 64th of it for each thread that uses them, 1 MiB at most.
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
    fn an_age_out_of_bounds_is_taken_as_the_nearest() {
        for (asked, taken) in [(0, 1), (1, 1), (250, 250), (3_600_000, 60_000)] {
            let cache = LocalCache::default().max_age(Duration::from_millis(asked));
            assert_eq!(cache.age(), Duration::from_millis(taken));
        }
    }
}
