//! `serve`: a process that answers until it is told to stop.

mod config;
mod cores;
mod door;
mod hidden;
mod json;
mod lines;
mod listen;
mod log;
mod metrics;
mod otel;
mod repeats;
mod stop;
mod text;
mod tls;
mod traces;
mod writer;

use std::sync::Arc;

use token_core::{Prefix, TokenService, TokenStore};
use token_http::sidecar::{Issuer, Join, Limits, Measured, Sidecar, SidecarService, Tokens};
use token_redis::{LocalCache, RedisStore};

pub(crate) use self::config::with_file;
use self::cores::Cores;
use self::door::Door;
pub(crate) use self::log::start_for_command;
use self::stop::Stop;
use self::traces::Traces;
use self::writer::Log;
use crate::args::{Cli, ServeArgs, Settings};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::open::open_watched;
use crate::report::Report;

/// Answers until it is told to stop; then it finishes what it has begun.
pub(crate) async fn run(arguments: ServeArgs, settings: &Settings) -> Result<Report, Failure> {
    let export = otel::export(arguments.otlp_endpoint.as_deref(), |name| std::env::var(name).ok())?;
    let traces = export.as_ref().map(Traces::begin).transpose()?;
    let writing = log::start(arguments.log_format, traces.as_ref()).map_err(Failure::system)?;
    if let Some(otel::Export { endpoint, warnings, .. }) = &export {
        tracing::info!(endpoint, "exporting traces");
        for warning in warnings {
            tracing::warn!("{warning}");
        }
    }
    let trace = traces.as_ref().map(|_| traces::join as Join);
    let ended = answer(arguments, settings, trace, writing.log()).await;
    if let Some(traces) = traces {
        traces.end();
    }
    ended
}

async fn answer(
    arguments: ServeArgs,
    settings: &Settings,
    trace: Option<Join>,
    log: &Log,
) -> Result<Report, Failure> {
    let ServeArgs {
        listen,
        grpc,
        listen_cert,
        listen_key,
        admins,
        introspectors,
        presenting,
        web,
        realm,
        trusted_proxies,
        cache,
        threads,
        at_once,
        ..
    } = arguments;
    let cache = cache.map(|age| LocalCache::default().max_age(age.as_duration()));
    let (tokens, watched) = open_watched(settings, cache).await?;
    let sidecar = Sidecar {
        tokens: Arc::new(measured(tokens.into_store(), &settings.prefix)),
        realm,
        credentials: Arc::new(presenting.options()),
        admins: admins.into_iter().flatten().collect(),
        introspectors: introspectors.into_iter().flatten().collect(),
        issuer: web.issuer.unwrap_or(Issuer::OfHost { tls: listen_cert.is_some() }),
        cors_origins: web.cors_origins.into_iter().flatten().collect(),
        limits: Limits { at_once, ..Limits::default() },
        metrics: Some(metrics::start(watched.clone(), log.clone())?),
        trusted_proxies,
        trace,
    };
    let certificate = listen_cert.zip(listen_key);
    let tls = certificate.map(|(certificate, key)| tls::acceptor(&certificate, &key)).transpose()?;
    let (service, prefix) = (sidecar.clone().service(), settings.prefix.clone());
    let stop = Stop::listen()?;
    let until = stop.clone();
    let open = async move || {
        let service = on_this_core(&service, watched.as_deref(), &prefix).await?;
        Ok(Door::new(service, tls.clone(), until.clone()))
    };
    let grpc = match grpc {
        Some(address) => Some(listen::bind(address).await?),
        None => None,
    };
    let cores = Cores::start(threads.unwrap_or_else(cores::number), open).await?;
    // Not before: whoever can connect is answered.
    let listener = listen::bind(listen).await?;
    let http = listen::serve(listener, cores, &stop);
    let (_finished, ()) = tokio::try_join!(http, listen::serve_grpc(sidecar, grpc, stop.clone()))?;
    Ok(Report::text(Exit::Done, String::new()))
}

/// The same with a connection to the store on this core, where the store has connections.
async fn on_this_core(
    service: &SidecarService,
    redis: Option<&RedisStore>,
    prefix: &Prefix,
) -> Result<SidecarService, Failure> {
    let Some(store) = redis else { return Ok(service.clone()) };
    let store = Arc::new(store.on_this_runtime().await.map_err(Failure::Store)?);
    Ok(service.over(Arc::new(measured(store, prefix))))
}

/// The settings as they are in force, as a file for `--config`.
pub(crate) fn print_config(cli: &Cli) -> Report {
    Report::text(Exit::Done, config::shown(cli))
}

/// The tokens of a store, behind counters.
fn measured(store: Arc<dyn TokenStore>, prefix: &Prefix) -> Tokens {
    let store: Arc<dyn TokenStore> = Arc::new(Measured::new(store));
    TokenService::new(store, prefix.clone())
}
