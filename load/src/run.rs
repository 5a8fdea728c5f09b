//! Calls and counters of both loops.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::task::{JoinError, JoinSet};
use tokio::time::Instant;

use crate::{Latencies, Measured, Monitor};

/// A job, and the results of its ended calls.
pub(crate) struct Run<J> {
    job: J,
    monitor: Monitor,
    /// Several parts, so that callers on different cores seldom contend for a lock.
    parts: Box<[Mutex<Part>]>,
}

#[derive(Default)]
struct Part {
    errors: BTreeMap<&'static str, u64>,
    latency: Latencies,
    late: Latencies,
}

impl<J, F> Run<J>
where
    J: Fn(u64) -> F,
    F: Future<Output = Result<(), &'static str>>,
{
    pub(crate) fn new(job: J, monitor: &Monitor) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get());
        let parts = (0..2 * cores).map(|_| Mutex::default()).collect();
        Self { job, monitor: monitor.clone(), parts }
    }

    /// Makes a call that is due now or was due earlier, and counts it.
    pub(crate) async fn call(&self, number: u64, due: Option<Instant>) {
        let start = Instant::now();
        let due = due.unwrap_or(start);
        let outcome = (self.job)(number).await;
        let latency = due.elapsed();
        self.monitor.count();
        let Some(mut part) = self.part(number) else { return };
        part.latency.record(latency);
        part.late.record(start - due);
        if let Err(word) = outcome {
            *part.errors.entry(word).or_default() += 1;
        }
    }

    fn part(&self, number: u64) -> Option<MutexGuard<'_, Part>> {
        let part = self.parts.get(number as usize % self.parts.len())?;
        // No code panics under the lock.
        Some(part.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The results, when all calls have ended.
    pub(crate) fn measured(&self, not_started: u64, unfinished: u64, elapsed: Duration) -> Measured {
        let mut sum = Part::default();
        for part in &self.parts {
            let part = part.lock().unwrap_or_else(PoisonError::into_inner);
            sum.latency.merge(&part.latency);
            sum.late.merge(&part.late);
            for (word, count) in &part.errors {
                *sum.errors.entry(word).or_default() += count;
            }
        }
        let Part { errors, latency, late } = sum;
        Measured { calls: latency.count(), errors, not_started, unfinished, elapsed, latency, late }
    }
}

/// Waits for all tasks up to a limit, aborts the rest, and returns their number.
pub(crate) async fn drain(tasks: &mut JoinSet<()>, until: Instant) -> u64 {
    let all = async {
        while let Some(ended) = tasks.join_next().await {
            pass_on(ended);
        }
    };
    let _ = tokio::time::timeout_at(until, all).await;
    let unfinished = tasks.len() as u64;
    tasks.abort_all();
    unfinished
}

/// Resumes a panic of the job, which is a bug in the job.
pub(crate) fn pass_on(ended: Result<(), JoinError>) {
    if let Err(error) = ended
        && let Ok(panic) = error.try_into_panic()
    {
        std::panic::resume_unwind(panic);
    }
}
