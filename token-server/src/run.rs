//! The server as a process, which answers until it has to stop.

use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio::signal::unix::{SignalKind, signal};

use crate::failure::Failure;
use crate::grpc::Grpc;
use crate::listener::bind::bind;
use crate::listener::connection::ConnectionHandler;
use crate::listener::cores::{self, Cores, Finished};
use crate::listener::listen;
use crate::listener::overlap::expect_distinct;
use crate::listener::passed::Passed;
use crate::listener::protocol::{Protocol, SharedProtocol};
use crate::listener::stop::Stop;
use crate::notify;
use crate::reload::Reloader;
use crate::retirement::Retirement;
use crate::services::Common;
use crate::settings::Settings;
use crate::telemetry::log;
use crate::telemetry::metrics::{self, Watched};
use crate::telemetry::otel::{self, Export};
use crate::telemetry::trace::Join;
use crate::telemetry::traces::{self, Traces};
use crate::telemetry::writer::Log;

/// Answers until it has to stop, then finishes what it has begun.
///
/// It logs to standard error, and traces as the variables of OpenTelemetry say. SIGHUP has it read its settings again, by
/// `reread`; SIGINT and SIGTERM stop it, and a second one ends the process at once, with the exit code 3. It needs a runtime
/// of Tokio with several threads, and starts one more for each core.
///
/// # Errors
/// It cannot start or go on: see [`Failure`].
pub async fn run(
    settings: Settings,
    reread: impl Fn() -> Result<Settings, Failure> + Send + Sync,
) -> Result<(), Failure> {
    let export = export(settings.otlp_endpoint.as_deref())?;
    let traces = export.as_ref().map(Traces::begin).transpose()?;
    let writing = log::start(settings.log_format, traces.as_ref()).map_err(Failure::system)?;
    if let Some(Export { endpoint, warnings, .. }) = &export {
        tracing::info!(endpoint, "exporting traces");
        for warning in warnings {
            tracing::warn!("{warning}");
        }
    }
    let trace = traces.as_ref().map(|_| traces::join as Join);
    let ended = answer(settings, reread, trace, writing.log()).await;
    if let Some(traces) = traces {
        traces.end();
    }
    ended
}

async fn answer(
    settings: Settings,
    reread: impl Fn() -> Result<Settings, Failure> + Send + Sync,
    trace: Option<Join>,
    log: &Log,
) -> Result<(), Failure> {
    let addresses = [&settings.listen[..], &settings.grpc[..]].concat();
    expect_distinct(&addresses).await?;
    let mut passed = Passed::on(&addresses);
    let watched = Watched::default();
    let retirement = Retirement::default();
    let render = metrics::start(watched.clone(), log.clone(), retirement.clone())?;
    let common = Common { render, trace, retirement };
    let protocol = SharedProtocol::new(ArcSwap::from_pointee(Protocol::of(&settings)?));
    let sidecar = common.wait(&settings)?;
    let stop = Stop::listen(common.retirement.clone(), protocol.clone())?;
    let grpc = match settings.grpc.is_empty() {
        true => None,
        false => Some(Grpc::new(sidecar.clone()).await.map_err(Failure::system)?),
    };
    let service = sidecar.service();
    let handler = || ConnectionHandler::new(service.clone(), protocol.clone(), stop.clone());
    let hang_up = signal(SignalKind::hangup()).map_err(Failure::system)?;
    let cores = Arc::new(Cores::start(settings.threads.unwrap_or_else(cores::number), handler)?);
    let (listen, listen_grpc) = (settings.listen.clone(), settings.grpc.clone());
    let reloader =
        Reloader { cores: cores.clone(), protocol, grpc: grpc.clone(), common, watched, settings, reread };
    let waiting = tokio::select! {
        begun = reloader.begin() => begun?,
        () = stop.requested() => return Ok(()),
    };
    // Not before: who can connect is answered.
    let grpc_listeners = bind(&listen_grpc, &addresses, &mut passed).await?;
    let listeners = bind(&listen, &addresses, &mut passed).await?;
    listen::log_addresses(&listeners, &grpc_listeners);
    notify::ready();
    let http = async {
        tokio::select! {
            failure = listen::serve(&listeners, &cores) => failure?,
            failure = reloader.watch(waiting, hang_up) => failure.map(|never| match never {})?,
            () = stop.requested() => {}
        }
        drop(listeners);
        tracing::info!("told to stop; finishing what was begun");
        Ok(finish(cores).await)
    };
    tokio::try_join!(http, listen::serve_grpc(grpc, grpc_listeners, stop.clone())).map(drop)
}

/// The threads last until what this answers is dropped.
async fn finish(cores: Arc<Cores>) -> Option<Finished> {
    match Arc::into_inner(cores) {
        Some(cores) => Some(cores.finish().await),
        None => None,
    }
}

/// Refuses variables and an endpoint by which traces cannot be exported.
///
/// # Errors
/// They cannot be used; the sentence says what to write instead.
pub fn check_traces(endpoint: Option<&str>) -> Result<(), Failure> {
    export(endpoint).map(drop)
}

fn export(endpoint: Option<&str>) -> Result<Option<Export>, Failure> {
    otel::export(endpoint, |name| std::env::var(name).ok())
}
