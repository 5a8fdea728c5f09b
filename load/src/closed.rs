//! Callers that make one call after the other.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::run::{Run, drain};
use crate::{DRAIN, Measured, Monitor};

/// The plan of a closed loop, which ends at the first bound that it reaches.
#[derive(Debug, Clone)]
pub struct Closed {
    /// How many callers.
    pub callers: NonZeroUsize,
    /// The maximum number of calls of all callers together.
    pub calls: u64,
    /// How long calls are started.
    pub time: Duration,
    /// How long calls under way may continue after that.
    pub drain: Duration,
}

impl Closed {
    /// This many callers for this time.
    #[must_use]
    pub fn new(callers: NonZeroUsize, time: Duration) -> Self {
        Self { callers, calls: u64::MAX, time, drain: DRAIN }
    }
}

/// Runs a closed loop. Dropping the future cancels calls under way.
///
/// # Panics
/// The job panics.
pub async fn closed<J, F>(plan: &Closed, monitor: &Monitor, job: J) -> Measured
where
    J: Fn(u64) -> F + Send + Sync + 'static,
    F: Future<Output = Result<(), &'static str>> + Send,
{
    let run = Arc::new(Run::new(job, monitor));
    let next = Arc::new(AtomicU64::new(0));
    let (monitor, calls) = (monitor.clone(), plan.calls);
    let start = Instant::now();
    let end = start + plan.time;

    let mut callers = JoinSet::new();
    for _ in 0..plan.callers.get() {
        let (run, next, monitor) = (run.clone(), next.clone(), monitor.clone());
        callers.spawn(async move {
            while Instant::now() < end && !monitor.is_stopped() {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= calls {
                    break;
                }
                run.call(number, None).await;
                // Yield, so that other callers run even if the job never waits.
                tokio::task::consume_budget().await;
            }
        });
    }
    let unfinished = drain(&mut callers, end + plan.drain).await;
    run.measured(0, unfinished, start.elapsed())
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::{sleep, sleep_until};

    const SECOND: Duration = Duration::from_secs(1);

    fn plan(callers: usize, time: Duration) -> Closed {
        Closed::new(NonZeroUsize::new(callers).unwrap(), time)
    }

    #[tokio::test(start_paused = true)]
    async fn each_caller_makes_one_call_after_the_other() {
        let measured = closed(&plan(4, SECOND), &Monitor::default(), |_| async {
            sleep(Duration::from_millis(10)).await;
            Ok(())
        })
        .await;
        assert_eq!(measured.calls, 400);
        assert_eq!(measured.per_second().round(), 400.0);
        assert_eq!(measured.late.max(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn a_stall_hides_from_the_percentiles() {
        let over = Instant::now() + 5 * SECOND;
        let stall = over - SECOND;
        let measured = closed(&plan(1, 10 * SECOND), &Monitor::default(), move |_| async move {
            if Instant::now() >= stall {
                sleep_until(over).await;
            }
            sleep(Duration::from_millis(1)).await;
            Ok(())
        })
        .await;
        // A tenth of the time was the stall, but one call met it.
        assert!(measured.latency.quantile(0.999) < Duration::from_millis(10), "{measured:?}");
        assert!(measured.latency.max() >= SECOND, "{measured:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn it_makes_as_many_calls_as_asked_for_and_no_more() {
        let mut plan = plan(8, 3_600 * SECOND);
        plan.calls = 1_001;
        let sum = Arc::new(AtomicU64::new(0));
        let seen = sum.clone();
        let measured = closed(&plan, &Monitor::default(), move |number| {
            seen.fetch_add(number, Ordering::Relaxed);
            async move { if number == 7 { Err("unlucky") } else { Ok(()) } }
        })
        .await;
        assert_eq!((measured.calls, measured.failed()), (1_001, 1));
        assert_eq!(sum.load(Ordering::Relaxed), (0..1_001).sum::<u64>());
    }

    #[tokio::test(start_paused = true)]
    async fn hung_callers_are_given_up_and_reported_as_unfinished() {
        let mut plan = plan(3, SECOND);
        plan.drain = SECOND;
        let start = Instant::now();
        let measured = closed(&plan, &Monitor::default(), |_| async {
            std::future::pending::<()>().await;
            Ok(())
        })
        .await;
        assert_eq!((measured.calls, measured.unfinished), (0, 3));
        assert_eq!(measured.per_second(), 0.0);
        assert_eq!(start.elapsed().as_secs(), 2);
    }

    #[tokio::test]
    async fn a_closed_loop_stops_on_request_though_its_calls_never_wait() {
        let monitor = Monitor::default();
        let stopper = monitor.clone();
        let measured = closed(&plan(2, 3_600 * SECOND), &monitor, move |number| {
            if number == 10_000 {
                stopper.stop();
            }
            async { Ok(()) }
        })
        .await;
        assert!(measured.calls > 10_000);
        assert_eq!(measured.calls, monitor.ended());
    }
}
