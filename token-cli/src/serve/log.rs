//! The log of the sidecar on standard error, and its traces beside it.

use tracing::Subscriber;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, fmt, registry};

use super::traces::Traces;
use crate::args::LogFormat;

/// Logs what `TOKEN_LOG` asks for, else what it does.
pub(super) fn start(format: LogFormat, traces: Option<&Traces>) {
    let asked = EnvFilter::try_from_env("TOKEN_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    match traces {
        None => registry().with(asked).with(written(format)).init(),
        // What is traced is not what is logged.
        Some(traces) => registry().with(written(format).with_filter(asked)).with(traces.layer()).init(),
    }
}

fn written<S>(format: LogFormat) -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let log = fmt::layer().with_writer(std::io::stderr);
    match format {
        LogFormat::Json => log.json().flatten_event(true).boxed(),
        LogFormat::Text => log.boxed(),
    }
}
