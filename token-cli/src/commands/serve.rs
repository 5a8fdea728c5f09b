//! `serve`

use std::net::SocketAddr;
use std::sync::Arc;

use token_http::sidecar::Sidecar;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use crate::args::{ServeArgs, Settings};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::open::open;
use crate::report::Report;

/// Answers until it is told to stop; then it finishes what it has begun.
pub(crate) async fn run(arguments: ServeArgs, settings: &Settings) -> Result<Report, Failure> {
    let ServeArgs { listen, grpc, admins, introspectors, realm } = arguments;
    let sidecar = Sidecar {
        tokens: Arc::new(open(settings).await?),
        realm,
        admins: admins.into_iter().collect(),
        introspectors: introspectors.into_iter().collect(),
    };
    let grpc = match grpc {
        Some(address) => Some(bind(address).await?),
        None => None,
    };
    let http = bind(listen).await?;
    tokio::try_join!(serve_grpc(grpc, sidecar.clone()), serve_http(http, sidecar))?;
    Ok(Report::text(Exit::Done, String::new()))
}

async fn serve_http((listener, address): Bound, sidecar: Sidecar) -> Result<(), Failure> {
    let stop = stop()?;
    tracing::info!(%address, "listening");
    axum::serve(listener, sidecar.router()).with_graceful_shutdown(stop).await.map_err(Failure::system)
}

async fn serve_grpc(bound: Option<Bound>, sidecar: Sidecar) -> Result<(), Failure> {
    let Some((listener, address)) = bound else { return Ok(()) };
    let stop = stop()?;
    tracing::info!(%address, "listening for gRPC");
    sidecar.serve_grpc(listener, stop).await.map_err(Failure::system)
}

type Bound = (TcpListener, SocketAddr);

async fn bind(listen: SocketAddr) -> Result<Bound, Failure> {
    let bound = async {
        let listener = TcpListener::bind(listen).await?;
        let address = listener.local_addr()?;
        Ok((listener, address))
    };
    bound.await.map_err(|source| Failure::System { what: format!("cannot listen on {listen}"), source })
}

/// Ends with SIGINT or SIGTERM.
fn stop() -> Result<impl Future<Output = ()>, Failure> {
    let mut interrupt = signal(SignalKind::interrupt()).map_err(Failure::system)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(Failure::system)?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        tracing::info!("told to stop; finishing what was begun");
    })
}
