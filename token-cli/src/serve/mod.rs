//! `serve`: a process that answers until it is told to stop.

mod config;
mod json;
mod listen;
mod log;
mod metrics;
mod traces;

use std::sync::Arc;

use token_core::{TokenService, TokenStore};
use token_http::sidecar::{Join, Limits, Measured, Sidecar, Tokens};
use token_redis::LocalCache;

pub(crate) use self::config::with_file;
use self::traces::Traces;
use crate::args::{Cli, ServeArgs, Settings};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::open::open_watched;
use crate::report::Report;

/// Answers until it is told to stop; then it finishes what it has begun.
pub(crate) async fn run(arguments: ServeArgs, settings: &Settings) -> Result<Report, Failure> {
    // An empty setting is none, as everywhere in the environment.
    let endpoint = arguments.otlp_endpoint.as_deref().filter(|endpoint| !endpoint.is_empty());
    let traces = endpoint.map(Traces::begin).transpose()?;
    let _log = log::start(arguments.log_format, traces.as_ref()).map_err(Failure::system)?;
    let ended = answer(arguments, settings, traces.as_ref().map(|_| traces::join as Join)).await;
    if let Some(traces) = traces {
        traces.end();
    }
    ended
}

async fn answer(arguments: ServeArgs, settings: &Settings, trace: Option<Join>) -> Result<Report, Failure> {
    let ServeArgs {
        listen, grpc, listen_cert, listen_key, admins, introspectors, realm, cache, at_once, ..
    } = arguments;
    let cache = cache.map(|age| LocalCache::default().max_age(age.as_duration()));
    let (tokens, watched) = open_watched(settings, cache).await?;
    let sidecar = Sidecar {
        tokens: Arc::new(measured(tokens, settings)),
        realm,
        admins: admins.into_iter().collect(),
        introspectors: introspectors.into_iter().collect(),
        limits: Limits { at_once, ..Limits::default() },
        metrics: Some(metrics::start(watched)?),
        trace,
    };
    let certificate = listen_cert.zip(listen_key);
    let http = listen::serve(sidecar.clone().service(), listen, certificate);
    tokio::try_join!(http, listen::serve_grpc(sidecar, grpc))?;
    Ok(Report::text(Exit::Done, String::new()))
}

/// The settings as they are in force, as a file for `--config`.
pub(crate) fn print_config(cli: &Cli) -> Report {
    Report::text(Exit::Done, config::shown(cli))
}

/// The same tokens, behind counters.
fn measured(tokens: Tokens, settings: &Settings) -> Tokens {
    let store: Arc<dyn TokenStore> = Arc::new(Measured::new(tokens.into_store()));
    TokenService::new(store, settings.prefix.clone())
}
