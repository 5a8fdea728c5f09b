//! The log of the sidecar on standard error, and its traces beside it.
//!
//! Lines are gathered and written by a thread of their own, twenty times a second, so that requests wait for whoever reads
//! the log only when there is much that was not taken. A warning or an error is written at once, with all that
//! came before it.

use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tracing::{Level, Metadata, Subscriber};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, fmt, registry};

use super::json::Json;
use super::traces::Traces;
use crate::args::LogFormat;

/// How long a line may wait.
const PAUSE: Duration = Duration::from_millis(50);
/// How much may wait: then whoever has the next line writes.
const ROOM: usize = 1024 * 1024;

/// Logs what `TOKEN_LOG` asks for, else what it does, as long as what it answers is kept.
pub(super) fn start(format: LogFormat, traces: Option<&Traces>) -> io::Result<Writing> {
    let lines = Log::default();
    let writing = Writing::begin(lines.clone())?;
    let asked = crate::log_filter().unwrap_or_else(|| EnvFilter::new("info"));
    match traces {
        None => registry().with(asked).with(written(format, lines)).init(),
        // What is traced is not what is logged.
        Some(traces) => {
            registry().with(written(format, lines).with_filter(asked)).with(traces.layer()).init();
        }
    }
    Ok(writing)
}

fn written<S>(format: LogFormat, lines: Log) -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    match format {
        LogFormat::Json => Json(lines).boxed(),
        LogFormat::Text => fmt::layer().with_writer(lines).boxed(),
    }
}

/// A thread that writes now and then. When this is dropped it ends, and all is written, from then on at once.
pub(super) struct Writing {
    log: Log,
    _until: Sender<()>,
}

impl Writing {
    fn begin(log: Log) -> io::Result<Self> {
        let (until, ended) = channel();
        let lines = log.clone();
        let writing = move || {
            while ended.recv_timeout(PAUSE) == Err(RecvTimeoutError::Timeout) {
                lines.write_out();
            }
        };
        std::thread::Builder::new().name("log".into()).spawn(writing)?;
        Ok(Self { log, _until: until })
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        self.log.0.at_once.store(true, Ordering::Release);
        self.log.write_out();
    }
}

/// Where lines go.
#[derive(Clone, Default)]
pub(super) struct Log(Arc<Lines>);

#[derive(Default)]
struct Lines {
    /// Not written yet.
    waiting: Mutex<Vec<u8>>,
    /// Being written.
    leaving: Mutex<Vec<u8>>,
    at_once: AtomicBool,
}

impl Log {
    /// Writes what there is. Meanwhile others can add to it.
    fn write_out(&self) {
        let mut leaving = self.0.leaving.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::swap(&mut *leaving, &mut self.waiting());
        // Where nobody takes it, it is lost: there is no place to complain.
        let _ = io::stderr().write_all(&leaving);
        leaving.clear();
    }

    #[cfg(test)]
    pub(super) fn take(&self) -> String {
        String::from_utf8(std::mem::take(&mut *self.waiting())).unwrap()
    }

    fn waiting(&self) -> MutexGuard<'_, Vec<u8>> {
        self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A line to be added, and to be written at once if that is pressing.
    pub(super) fn line(&self, pressing: bool) -> Line<'_> {
        Line { log: self, at_once: pressing || self.0.at_once.load(Ordering::Acquire) }
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Line<'a> {
        self.line(false)
    }

    fn make_writer_for(&'a self, event: &Metadata<'_>) -> Line<'a> {
        self.line(*event.level() <= Level::WARN)
    }
}

/// A line, which comes in one piece.
pub(super) struct Line<'a> {
    log: &'a Log,
    at_once: bool,
}

impl Line<'_> {
    pub(super) fn add(&mut self, bytes: &[u8]) {
        let mut waiting = self.log.waiting();
        waiting.extend_from_slice(bytes);
        self.at_once |= waiting.len() >= ROOM;
    }
}

impl Write for Line<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.add(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Line<'_> {
    fn drop(&mut self) {
        if self.at_once {
            self.log.write_out();
        }
    }
}
