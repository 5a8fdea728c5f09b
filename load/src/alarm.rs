//! Wakes a task at a given time, with a precision of microseconds.

use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

/// The part of a wait that tokio's timers, which count milliseconds, do not cover.
const FINE: Duration = Duration::from_millis(2);

/// Wakes one waiter.
pub(crate) struct Alarm {
    thread: Option<Thread>,
}

struct Thread {
    wanted: Sender<Instant>,
    rung: Arc<Notify>,
}

impl Alarm {
    /// Precise to microseconds, with a separate thread; to milliseconds if the system provides no thread.
    pub(crate) fn fine() -> Self {
        let (wanted, wishes) = channel::<Instant>();
        let rung = Arc::new(Notify::new());
        let bell = rung.clone();
        let thread = std::thread::Builder::new().name("load-alarm".into()).spawn(move || {
            wake_promptly();
            while let Ok(at) = wishes.recv() {
                while let Some(left) =
                    at.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())
                {
                    std::thread::park_timeout(left);
                }
                bell.notify_one();
            }
        });
        Self { thread: thread.ok().map(|_| Thread { wanted, rung }) }
    }

    /// Precise to milliseconds, by tokio's clock, even if that is paused.
    #[cfg(test)]
    pub(crate) fn coarse() -> Self {
        Self { thread: None }
    }

    /// Waits until this time, and yields in any case. After dropping the future, another wait may start.
    pub(crate) async fn wait_until(&self, at: Instant) {
        let Some(thread) = &self.thread else {
            return tokio::time::sleep_until(at).await;
        };
        let left = at.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return tokio::task::yield_now().await;
        }
        if left > FINE {
            tokio::time::sleep(left - FINE).await;
        }
        // The thread lives as long as the sender.
        if thread.wanted.send(at).is_ok() {
            // The alarm of an earlier, dropped wait may fire first.
            while at > Instant::now() {
                thread.rung.notified().await;
            }
        }
    }
}

/// By default Linux delays wake-ups of a thread by up to 50 microseconds.
fn wake_promptly() {
    #[cfg(target_os = "linux")]
    // If the system refuses, calls start a little later, and are reported as late.
    let _ = rustix::thread::set_current_timer_slack(std::num::NonZeroU64::new(1));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_never_rings_early() {
        let alarm = Alarm::fine();
        for microseconds in [0, 1, 50, 700, 3_000] {
            let at = Instant::now() + Duration::from_micros(microseconds);
            alarm.wait_until(at).await;
            assert!(Instant::now() >= at);
        }
    }

    #[tokio::test]
    async fn a_wait_that_was_dropped_does_not_cut_the_next_one_short() {
        let alarm = Alarm::fine();
        let soon = Instant::now() + Duration::from_millis(1);
        tokio::select! {
            biased;
            () = alarm.wait_until(soon) => unreachable!("it is not yet time"),
            () = std::future::ready(()) => {}
        }
        let later = soon + Duration::from_millis(5);
        alarm.wait_until(later).await;
        assert!(Instant::now() >= later);
    }
}
