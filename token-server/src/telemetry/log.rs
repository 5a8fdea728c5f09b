//! The log on standard error: of the sidecar, with its traces beside it, and of all other commands.

use std::io;
use std::panic::PanicHookInfo;
use std::sync::Arc;

use tracing::Subscriber;
use tracing::level_filters::LevelFilter;
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
use crate::failure::Failure;
use crate::settings::LogFormat;

/// Logs what `TOKEN_LOG` asks for, else what it does, as long as what it answers is kept.
pub(crate) fn start(format: LogFormat, traces: Option<&Traces>) -> io::Result<Writing> {
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
pub fn start_for_command() {
    if let Some(asked) = asked() {
        registry().with(asked).with(Lines::<Text>::to_stderr()).init();
    }
}

/// Refuses a `TOKEN_LOG` that cannot be read. A single word must be a level: as the name of a target, a misspelt level would
/// silence everything.
///
/// # Errors
/// It cannot be read; the sentence says what to write instead.
pub fn check() -> Result<(), Failure> {
    let Some(asked) = std::env::var_os("TOKEN_LOG") else { return Ok(()) };
    let is_read = asked.to_str().is_some_and(|asked| {
        asked.split(',').map(str::trim).filter(|part| !part.is_empty()).all(is_directive)
    });
    if is_read {
        return Ok(());
    }
    Err(Failure::usage(
        "TOKEN_LOG cannot be read: write off, error, warn, info, debug or trace, and TARGET=LEVEL for one part, separated by commas",
    ))
}

fn is_directive(text: &str) -> bool {
    let names_a_part = text.contains(['=', '[']);
    if names_a_part { EnvFilter::try_new(text).is_ok() } else { text.parse::<LevelFilter>().is_ok() }
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
