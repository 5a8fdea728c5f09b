//! Calls at a fixed rate.

use std::num::{NonZeroU32, NonZeroUsize};
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::alarm::Alarm;
use crate::run::{Run, drain, pass_on};
use crate::{DRAIN, Measured, Monitor};

/// The default maximum number of concurrent calls.
const AT_ONCE: NonZeroUsize = NonZeroUsize::new(10_000).unwrap();

/// The plan of an open loop.
#[derive(Debug, Clone)]
pub struct Open {
    /// How many calls are due each second.
    pub per_second: NonZeroU32,
    /// How long calls are started.
    pub time: Duration,
    /// The maximum number of concurrent calls. Further due calls are not started, and are counted.
    pub at_once: NonZeroUsize,
    /// How long calls under way may continue after that.
    pub drain: Duration,
}

impl Open {
    /// This many calls per second for this time, with at most 10 000 concurrent calls.
    #[must_use]
    pub fn new(per_second: NonZeroU32, time: Duration) -> Self {
        Self { per_second, time, at_once: AT_ONCE, drain: DRAIN }
    }

    /// How many calls are due in all.
    #[must_use]
    pub fn calls(&self) -> u64 {
        let calls = self.time.as_nanos() * u128::from(self.per_second.get()) / NANOSECONDS;
        u64::try_from(calls).unwrap_or(u64::MAX)
    }

    /// When a call is due, after the start.
    fn due(&self, number: u64) -> Duration {
        let nanoseconds = u128::from(number) * NANOSECONDS / u128::from(self.per_second.get());
        Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(u64::MAX))
    }
}

/// Nanoseconds in a second.
const NANOSECONDS: u128 = 1_000_000_000;

/// Runs an open loop. Dropping the future cancels calls under way.
///
/// # Panics
/// The job panics.
pub async fn open<J, F>(plan: &Open, monitor: &Monitor, job: J) -> Measured
where
    J: Fn(u64) -> F + Send + Sync + 'static,
    F: Future<Output = Result<(), &'static str>> + Send,
{
    paced(plan, monitor, job, Alarm::fine()).await
}

async fn paced<J, F>(plan: &Open, monitor: &Monitor, job: J, alarm: Alarm) -> Measured
where
    J: Fn(u64) -> F + Send + Sync + 'static,
    F: Future<Output = Result<(), &'static str>> + Send,
{
    let run = Arc::new(Run::new(job, monitor));
    let start = Instant::now();
    let end = start + plan.time;
    let (mut under_way, mut not_started) = (JoinSet::new(), 0);

    let (mut next, calls) = (0, plan.calls());
    loop {
        let elapsed = start.elapsed();
        while next < calls && plan.due(next) <= elapsed {
            if has_room(&mut under_way, plan.at_once) {
                let (run, number, due) = (run.clone(), next, start + plan.due(next));
                under_way.spawn(async move { run.call(number, Some(due)).await });
            } else {
                not_started += 1;
            }
            next += 1;
        }
        if elapsed >= plan.time || monitor.is_stopped() {
            break;
        }
        let wake = if next < calls { start + plan.due(next) } else { end };
        tokio::select! {
            () = alarm.wait_until(wake) => {}
            () = monitor.stopped() => {}
        }
    }
    let unfinished = drain(&mut under_way, Instant::now() + plan.drain).await;
    run.measured(not_started, unfinished, start.elapsed())
}

fn has_room(under_way: &mut JoinSet<()>, at_once: NonZeroUsize) -> bool {
    if under_way.len() < at_once.get() {
        return true;
    }
    while let Some(ended) = under_way.try_join_next() {
        pass_on(ended);
    }
    under_way.len() < at_once.get()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::{sleep, sleep_until};

    const SECOND: Duration = Duration::from_secs(1);

    fn plan(per_second: u32, time: Duration) -> Open {
        Open::new(NonZeroU32::new(per_second).unwrap(), time)
    }

    async fn run<F>(plan: &Open, job: impl Fn(u64) -> F + Send + Sync + 'static) -> Measured
    where
        F: Future<Output = Result<(), &'static str>> + Send,
    {
        paced(plan, &Monitor::default(), job, Alarm::coarse()).await
    }

    #[test]
    fn calls_are_due_at_equal_distances_and_none_after_the_time() {
        let plan = plan(3, Duration::from_millis(2_500));
        assert_eq!(plan.calls(), 7);
        assert_eq!(plan.due(0), Duration::ZERO);
        assert_eq!(plan.due(1), Duration::from_nanos(333_333_333));
        assert_eq!(plan.due(6), 2 * SECOND);
    }

    #[test]
    fn the_highest_rate_for_an_hour_overflows_nothing() {
        let plan = plan(u32::MAX, Duration::from_secs(3_600));
        assert_eq!(plan.calls(), u64::from(u32::MAX) * 3_600);
        assert!(plan.due(plan.calls()) == plan.time);
    }

    #[tokio::test(start_paused = true)]
    async fn every_call_is_made_once_and_at_the_rate() {
        let numbers = Arc::new(std::sync::Mutex::new(Vec::new()));
        let seen = numbers.clone();
        let measured = run(&plan(100, 5 * SECOND), move |number| {
            seen.lock().unwrap().push(number);
            async { Ok(()) }
        })
        .await;
        assert_eq!(*numbers.lock().unwrap(), (0..500).collect::<Vec<_>>());
        assert_eq!((measured.calls, measured.not_started, measured.unfinished), (500, 0, 0));
        assert_eq!(measured.per_second().round(), 100.0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_stall_is_seen_by_all_calls_that_were_due_meanwhile() {
        let over = Instant::now() + 5 * SECOND;
        let stall = over - SECOND;
        let measured = run(&plan(1_000, 10 * SECOND), move |_| async move {
            if Instant::now() >= stall {
                sleep_until(over).await;
            }
            sleep(Duration::from_millis(1)).await;
            Ok(())
        })
        .await;
        assert_eq!(measured.calls, 10_000);
        // One call in ten was due in that second, and waited for half of it on average.
        assert!(measured.latency.quantile(0.89) < Duration::from_millis(10), "{measured:?}");
        assert!(measured.latency.quantile(0.95) > Duration::from_millis(450), "{measured:?}");
        assert!(measured.latency.quantile(0.99) > Duration::from_millis(850), "{measured:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_late_loop_measures_latency_from_when_calls_were_due() {
        let measured = run(&plan(1_000, SECOND), |number| async move {
            if number == 500 {
                // Block the thread, as if the system had stopped this process.
                tokio::time::advance(Duration::from_millis(200)).await;
            }
            Ok(())
        })
        .await;
        assert_eq!(measured.calls, 1_000);
        assert!(measured.late.max() > Duration::from_millis(190), "{measured:?}");
        assert!(measured.latency.quantile(0.9) > Duration::from_millis(80), "{measured:?}");
        assert_eq!(measured.latency.max(), measured.latency.quantile(1.0));
    }

    #[tokio::test(start_paused = true)]
    async fn calls_above_the_concurrency_limit_are_counted_as_not_started() {
        let mut plan = plan(100, SECOND);
        plan.at_once = NonZeroUsize::new(5).unwrap();
        let measured = run(&plan, |_| async {
            sleep(SECOND / 2).await;
            Ok(())
        })
        .await;
        assert_eq!(measured.calls + measured.not_started, 100);
        assert!((10..=15).contains(&measured.calls), "five at once, each for half of the time: {measured:?}");
        assert_eq!(measured.calls, measured.latency.count());
    }

    #[tokio::test(start_paused = true)]
    async fn calls_that_never_end_are_given_up_and_reported_as_unfinished() {
        let start = Instant::now();
        let mut plan = plan(10, SECOND);
        plan.drain = 2 * SECOND;
        let measured = run(&plan, |number| async move {
            if number % 2 == 0 {
                std::future::pending::<()>().await;
            }
            Ok(())
        })
        .await;
        assert_eq!((measured.calls, measured.unfinished), (5, 5));
        assert_eq!(start.elapsed().as_secs(), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn errors_are_counted_by_kind_and_their_latency_is_included() {
        let measured = run(&plan(10, SECOND), |number| async move {
            match number % 5 {
                0 => Err("timed_out"),
                1 => Err("denied"),
                _ => Ok(()),
            }
        })
        .await;
        assert_eq!(measured.errors, [("denied", 2), ("timed_out", 2)].into());
        assert_eq!((measured.failed(), measured.calls, measured.latency.count()), (4, 10, 10));
    }

    #[tokio::test(start_paused = true)]
    async fn an_open_loop_that_is_stopped_lets_calls_end_and_reports_them() {
        let monitor = Monitor::default();
        let (stopper, start) = (monitor.clone(), Instant::now());
        let job = move |number| {
            let monitor = stopper.clone();
            async move {
                if number == 50 {
                    monitor.stop();
                }
                sleep(Duration::from_millis(100)).await;
                Ok(())
            }
        };
        let measured = paced(&plan(100, 3_600 * SECOND), &monitor, job, Alarm::coarse()).await;
        assert_eq!((measured.calls, measured.unfinished, measured.not_started), (51, 0, 0));
        assert_eq!(monitor.ended(), 51);
        assert!(start.elapsed() < SECOND);
    }

    #[tokio::test]
    #[should_panic(expected = "a mistake in the job")]
    async fn a_job_that_panics_is_not_hidden() {
        let job = |_| async { panic!("a mistake in the job") };
        open(&plan(1_000, Duration::from_millis(5)), &Monitor::default(), job).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn by_the_real_clock_every_call_is_accounted_for() {
        let plan = plan(50_000, Duration::from_millis(200));
        let measured = open(&plan, &Monitor::default(), async |_| Ok(())).await;
        assert_eq!(measured.calls + measured.not_started, 10_000);
        assert!(measured.latency.max() >= measured.late.max());
    }
}
