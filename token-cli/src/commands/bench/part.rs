//! A part of a run: seen on a terminal, and stopped by a signal.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use token_load::Monitor;

use token_server::Signals;

use crate::plural::count;

/// How often the bar moves.
const TICK: Duration = Duration::from_millis(100);

/// What a part is over after.
#[derive(Clone, Copy)]
pub(super) enum Extent {
    /// So many calls.
    Calls(u64),
    /// So long.
    Time(Duration),
}

/// Waits for a part, with a progress bar on standard error where that is a terminal. Told to stop, it starts nothing
/// more, and the part comes to its end early.
pub(super) async fn part<T>(
    name: &'static str,
    extent: Extent,
    monitor: &Monitor,
    signals: &mut Signals,
    work: impl Future<Output = T>,
) -> T {
    let bar = Bar::new(name, extent);
    let mut ticks = tokio::time::interval(TICK);
    tokio::pin!(work);
    loop {
        tokio::select! {
            done = &mut work => {
                bar.bar.finish_and_clear();
                return done;
            }
            () = signals.next() => monitor.stop(),
            _ = ticks.tick() => bar.show(monitor),
        }
    }
}

struct Bar {
    bar: ProgressBar,
    extent: Extent,
    begin: Instant,
}

impl Bar {
    fn new(name: &'static str, extent: Extent) -> Self {
        let (length, template) = match extent {
            Extent::Calls(calls) => (calls, "{prefix} [{bar:30}] {pos} of {len}{msg}"),
            Extent::Time(time) => (time.as_millis() as u64, "{prefix} [{bar:30}] {eta} left, {msg}"),
        };
        // Hidden where standard error is no terminal.
        let bar = ProgressBar::new(length).with_prefix(name);
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("=> "));
        }
        Self { bar, extent, begin: Instant::now() }
    }

    fn show(&self, monitor: &Monitor) {
        let stopping = if monitor.is_stopped() { ", stopping" } else { "" };
        match self.extent {
            Extent::Calls(_) => {
                self.bar.set_position(monitor.ended());
                self.bar.set_message(stopping);
            }
            Extent::Time(time) => {
                self.bar.set_position(self.begin.elapsed().min(time).as_millis() as u64);
                self.bar.set_message(format!("{}{stopping}", count(monitor.ended(), "call")));
            }
        }
    }
}
