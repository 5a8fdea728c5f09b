//! The log of the sidecar on standard error, and its traces beside it.
//!
//! Lines are gathered and written ten times a second, so that requests neither wait for whoever reads the log nor pay for a
//! system call each. A warning or an error is written at once, with all that came before it.

use std::io::{self, Write};
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
const PAUSE: Duration = Duration::from_millis(100);
/// How much may wait: then whoever has the next line writes.
const ROOM: usize = 64 * 1024;

/// Logs what `TOKEN_LOG` asks for, else what it does, as long as what it answers is kept.
pub(super) fn start(format: LogFormat, traces: Option<&Traces>) -> io::Result<Writing> {
    let lines = Log::default();
    let writing = Writing::begin(lines.clone())?;
    let asked = EnvFilter::try_from_env("TOKEN_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
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
    let log = fmt::layer().with_writer(lines);
    match format {
        LogFormat::Json => log.event_format(Json).boxed(),
        LogFormat::Text => log.boxed(),
    }
}

/// A thread that writes now and then. When this is dropped, it ends, and all is written.
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
                write_out(&mut lines.lines());
            }
        };
        std::thread::Builder::new().name("log".into()).spawn(writing)?;
        Ok(Self { log, _until: until })
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        write_out(&mut self.log.lines());
    }
}

/// Lines that are not written yet.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn lines(&self) -> MutexGuard<'_, Vec<u8>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where nobody takes it, it is lost: there is no place to complain.
fn write_out(lines: &mut Vec<u8>) {
    let _ = io::stderr().write_all(lines);
    lines.clear();
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Line<'a> {
        Line { lines: self.lines(), pressing: false }
    }

    fn make_writer_for(&'a self, event: &Metadata<'_>) -> Line<'a> {
        Line { lines: self.lines(), pressing: *event.level() <= Level::WARN }
    }
}

/// A line that is being written.
struct Line<'a> {
    lines: MutexGuard<'a, Vec<u8>>,
    pressing: bool,
}

impl Write for Line<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.lines.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Line<'_> {
    fn drop(&mut self) {
        if self.pressing || self.lines.len() >= ROOM {
            write_out(&mut self.lines);
        }
    }
}
