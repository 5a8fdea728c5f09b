//! The log on standard error: of the sidecar, with its traces beside it, and of all other commands.

use std::io;
use std::panic::PanicHookInfo;
use std::sync::Arc;

use tracing::Subscriber;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, registry};

use super::json::Object;
use super::lines::Lines;
use super::repeats::Repeats;
use super::text::Text;
use super::traces::Traces;
use super::writer::{Log, Writing};
use crate::args::LogFormat;

/// Logs what `TOKEN_LOG` asks for, else what it does, as long as what it answers is kept.
pub(super) fn start(format: LogFormat, traces: Option<&Traces>) -> io::Result<Writing> {
    let (log, repeats) = (Log::default(), Arc::<Repeats>::default());
    let writing = Writing::begin(log.clone(), repeats.clone())?;
    let asked = asked().unwrap_or_else(|| EnvFilter::new("info"));
    match traces {
        None => registry().with(asked).with(lines(format, log, repeats)).init(),
        // What is traced is not what is logged.
        Some(traces) => {
            registry().with(lines(format, log, repeats).with_filter(asked)).with(traces.layer()).init();
        }
    }
    std::panic::set_hook(Box::new(log_panic));
    Ok(writing)
}

/// Logs to standard error what `TOKEN_LOG` asks for (as in `TOKEN_LOG=debug`); without it nothing.
pub(crate) fn start_for_command() {
    if let Some(asked) = asked() {
        registry().with(asked).with(Lines::<Text>::to_stderr()).init();
    }
}

/// An empty setting is none.
fn asked() -> Option<EnvFilter> {
    let asked = std::env::var("TOKEN_LOG").ok().filter(|asked| !asked.trim().is_empty())?;
    EnvFilter::try_new(asked).ok()
}

fn lines<S>(format: LogFormat, log: Log, repeats: Arc<Repeats>) -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    match format {
        LogFormat::Json => Lines::<Object>::to(log, repeats).boxed(),
        LogFormat::Text => Lines::<Text>::to(log, repeats).boxed(),
    }
}

/// A panic is a line of the log like all others, and waits for no reader.
fn log_panic(panic: &PanicHookInfo<'_>) {
    let payload = panic.payload();
    let text =
        payload.downcast_ref::<&str>().copied().or(payload.downcast_ref::<String>().map(String::as_str));
    let location = panic.location().map(tracing::field::display);
    tracing::error!(panic = text, location, "a thread panicked");
}
