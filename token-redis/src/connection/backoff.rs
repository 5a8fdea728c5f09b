//! Pauses between replacements of connections, so that a replacement that does not help is not repeated at once.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use redis::RedisError;
use tokio::time::Instant;

/// The pause after the first replacement; it doubles with each one that follows soon, up to the longest.
const FIRST: Duration = Duration::from_millis(10);
const LONGEST: Duration = Duration::from_millis(160);

/// After this time without a replacement, the pauses start again with the first.
const CALM: Duration = Duration::from_secs(1);

/// Limits how often connections are replaced. All callers share it.
#[derive(Default)]
pub(super) struct Backoff(Mutex<Option<Last>>);

struct Last {
    began: Instant,
    pause: Duration,
    failure: Option<RedisError>,
}

impl Backoff {
    /// How long the next replacement has to wait; zero if it may start.
    pub(super) fn wait(&self) -> Duration {
        let last = self.lock();
        last.as_ref().map_or(Duration::ZERO, |last| last.pause.saturating_sub(last.began.elapsed()))
    }

    /// A replacement starts. It need not finish: its caller may be dropped.
    pub(super) fn begin(&self) {
        let mut last = self.lock();
        let recent = last.as_ref().filter(|last| last.began.elapsed() < CALM);
        let pause = recent.map_or(FIRST, |last| (last.pause * 2).min(LONGEST));
        *last = Some(Last { began: Instant::now(), pause, failure: None });
    }

    /// The replacement failed. The pause starts at this moment, so that callers that waited for it fail as well, instead of
    /// trying one after the other.
    pub(super) fn failed(&self, error: &RedisError) {
        if let Some(last) = self.lock().as_mut() {
            (last.began, last.failure) = (Instant::now(), Some(error.clone()));
        }
    }

    /// Why the last replacement failed, if it did.
    pub(super) fn failure(&self) -> Option<RedisError> {
        self.lock().as_ref().and_then(|last| last.failure.clone())
    }

    fn lock(&self) -> MutexGuard<'_, Option<Last>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn pauses_double_up_to_the_longest_until_it_is_calm() {
        let backoff = Backoff::default();
        assert_eq!(backoff.wait(), Duration::ZERO);
        for pause in [10, 20, 40, 80, 160, 160] {
            backoff.begin();
            assert_eq!(backoff.wait(), Duration::from_millis(pause));
            tokio::time::sleep(backoff.wait()).await;
        }
        tokio::time::sleep(CALM).await;
        backoff.begin();
        assert_eq!(backoff.wait(), FIRST);
    }
}
