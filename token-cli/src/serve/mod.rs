//! `serve`: a process that answers until it is told to stop.

mod activity;
mod bind;
mod config;
mod config_file;
mod cores;
mod door;
mod files;
mod heads;
mod hidden;
mod json;
mod keeper;
mod lines;
mod listen;
mod log;
mod manner;
mod metrics;
mod notify;
mod otel;
mod otel_ignored;
mod otel_reach;
mod otel_resource;
mod overlap;
mod passed;
mod redacted;
mod refusals;
mod repeats;
mod socket_file;
mod state;
mod stop;
mod text;
mod tls;
mod traces;
mod unread;
mod waiting;
mod wire;
mod writer;

use std::sync::Arc;

use arc_swap::ArcSwap;
use token_http::sidecar::grpc::Grpc;
use token_http::sidecar::{Join, Retirement};
use tokio::signal::unix::{SignalKind, signal};

use self::bind::bind;
pub(crate) use self::config::with_file;
use self::cores::{Cores, Finished};
use self::door::Door;
use self::keeper::Keeper;
pub(crate) use self::log::{check as check_log, start_for_command};
use self::manner::{Manner, Manners};
use self::metrics::Watched;
use self::overlap::expect_distinct;
use self::passed::Passed;
use self::state::Common;
use self::stop::Stop;
use self::traces::Traces;
use self::writer::Log;
use crate::args::{Cli, ServeArgs, Settings};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::report::Report;

/// Answers until it is told to stop; then it finishes what it has begun.
pub(crate) async fn run(arguments: ServeArgs, settings: Settings) -> Result<Report, Failure> {
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
    settings: Settings,
    trace: Option<Join>,
    log: &Log,
) -> Result<Report, Failure> {
    let addresses = [&arguments.listen[..], &arguments.grpc[..]].concat();
    expect_distinct(&addresses).await?;
    let mut passed = Passed::on(&addresses);
    let watched = Watched::default();
    let retirement = Retirement::default();
    let render = metrics::start(watched.clone(), log.clone(), retirement.clone())?;
    let common = Common { render, trace, retirement };
    let manners = Manners::new(ArcSwap::from_pointee(Manner::of(&arguments)?));
    let sidecar = common.wait(&arguments, &settings)?;
    let stop = Stop::listen(common.retirement.clone(), manners.clone())?;
    let grpc = match arguments.grpc.is_empty() {
        true => None,
        false => Some(Grpc::new(sidecar.clone()).await.map_err(Failure::system)?),
    };
    let service = sidecar.service();
    let door = || Door::new(service.clone(), manners.clone(), stop.clone());
    let hang_up = signal(SignalKind::hangup()).map_err(Failure::system)?;
    let cores = Arc::new(Cores::start(arguments.threads.unwrap_or_else(cores::number), door)?);
    let (listen, listen_grpc) = (arguments.listen.clone(), arguments.grpc.clone());
    let keeper =
        Keeper { cores: cores.clone(), manners, grpc: grpc.clone(), common, watched, arguments, settings };
    let waiting = tokio::select! {
        begun = keeper.begin() => begun?,
        () = stop.told() => return Ok(done()),
    };
    // Not before: who can connect is answered.
    let grpc_listeners = bind(&listen_grpc, &addresses, &mut passed).await?;
    let listeners = bind(&listen, &addresses, &mut passed).await?;
    listen::tell(&listeners, &grpc_listeners);
    notify::ready();
    let http = async {
        tokio::select! {
            failure = listen::serve(&listeners, &cores) => failure?,
            failure = keeper.keep(waiting, hang_up) => failure.map(|never| match never {})?,
            () = stop.told() => {}
        }
        drop(listeners);
        tracing::info!("told to stop; finishing what was begun");
        Ok(finish(cores).await)
    };
    let (_finished, ()) = tokio::try_join!(http, listen::serve_grpc(grpc, grpc_listeners, stop.clone()))?;
    Ok(done())
}

/// The threads last until what this answers is dropped.
async fn finish(cores: Arc<Cores>) -> Option<Finished> {
    match Arc::into_inner(cores) {
        Some(cores) => Some(cores.finish().await),
        None => None,
    }
}

fn done() -> Report {
    Report::text(Exit::Done, String::new())
}

/// The settings as they are in force, as a file for `--config`. Where traces go is looked at as for serving.
pub(crate) fn print_config(cli: &Cli, arguments: &ServeArgs) -> Result<Report, Failure> {
    otel::export(arguments.otlp_endpoint.as_deref(), |name| std::env::var(name).ok())?;
    Ok(Report::text(Exit::Done, config::shown(cli)))
}
