//! Retries until a deadline, and the error of the last one.

use std::time::Duration;

use redis::{RedisError, RedisResult};
use tokio::time::error::Elapsed;
use tokio::time::{Instant, timeout_at};

/// Retries of one operation, until a deadline.
pub(crate) struct Retries {
    until: Instant,
    /// The maximum age of a failure that is reported at the deadline. After an older one, something hung, and the report is a
    /// timeout.
    recent: Duration,
    last: Option<(RedisError, Instant)>,
}

impl Retries {
    pub(crate) fn until(until: Instant) -> Self {
        let recent = until.saturating_duration_since(Instant::now()) / 2;
        Self { until, recent, last: None }
    }

    /// One step, which ends by the deadline.
    pub(crate) async fn step<T>(&self, work: impl Future<Output = T>) -> Result<T, Elapsed> {
        timeout_at(self.until, work).await
    }

    /// An attempt failed, and another one follows.
    pub(crate) fn failed(&mut self, error: RedisError) {
        self.last = Some((error, Instant::now()));
    }

    /// The outcome at the deadline: the last failure, unless something hung after it.
    pub(crate) fn end<T>(self, elapsed: Elapsed) -> Result<RedisResult<T>, Elapsed> {
        match self.last {
            Some((error, at)) if at.elapsed() <= self.recent => Ok(Err(error)),
            _ => Err(elapsed),
        }
    }
}

#[cfg(test)]
mod tests {
    use redis::ErrorKind;

    use super::*;

    async fn ended(tries: Retries) -> Result<RedisResult<()>, Elapsed> {
        let elapsed = tries.step(std::future::pending::<()>()).await.unwrap_err();
        tries.end(elapsed)
    }

    #[tokio::test(start_paused = true)]
    async fn the_last_failure_is_reported_unless_a_later_attempt_hung() {
        let within = |seconds| Retries::until(Instant::now() + Duration::from_secs(seconds));
        ended(within(5)).await.unwrap_err();
        for (seconds, is_told) in [(3, true), (1, false)] {
            let mut tries = within(5);
            tokio::time::sleep(Duration::from_secs(seconds)).await;
            tries.failed((ErrorKind::Io, "lost").into());
            assert_eq!(ended(tries).await.is_ok(), is_told, "after {seconds} of 5 s");
        }
    }
}
