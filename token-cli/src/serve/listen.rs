//! Where it listens, and how it ends.

use std::net::SocketAddr;
use std::time::Duration;

use token_http::sidecar::Sidecar;
use tokio::net::TcpListener;

use super::cores::{Cores, Finished};
use crate::failure::Failure;
use crate::signals::Signals;

/// Before another try where a connection cannot be taken: mostly there are too many.
const PAUSE: Duration = Duration::from_millis(100);

/// Listens there.
pub(super) async fn bind(address: SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).await.map_err(|source| cannot(address, source))
}

/// Hands connections to the cores until SIGINT or SIGTERM; then ends when all requests have.
pub(super) async fn serve(listener: TcpListener, cores: Cores) -> Result<Finished, Failure> {
    let mut signals = Signals::listen()?;
    let address = listener.local_addr().map_err(Failure::system)?;
    tracing::info!(%address, "listening");
    let taking = async {
        loop {
            take(&listener, &cores).await?;
        }
    };
    tokio::select! {
        failure = taking => return failure,
        () = signals.next() => tracing::info!("told to stop; finishing what was begun"),
    }
    drop(listener);
    Ok(cores.finish().await)
}

async fn take(listener: &TcpListener, cores: &Cores) -> Result<(), Failure> {
    let taken = async {
        let (connection, _) = listener.accept().await?;
        // Each answer is written in one piece, and must not wait for the client to have taken the one before.
        connection.set_nodelay(true)?;
        connection.into_std()
    };
    match taken.await {
        Ok(connection) => cores.hand(connection),
        Err(error) => {
            tracing::warn!(%error, "cannot take a connection");
            tokio::time::sleep(PAUSE).await;
            Ok(())
        }
    }
}

/// The same for gRPC, where that is asked for.
pub(super) async fn serve_grpc(sidecar: Sidecar, listen: Option<SocketAddr>) -> Result<(), Failure> {
    let Some(listen) = listen else { return Ok(()) };
    let listener = bind(listen).await?;
    let address = listener.local_addr().map_err(Failure::system)?;
    let mut signals = Signals::listen()?;
    tracing::info!(%address, "listening for gRPC");
    sidecar.serve_grpc(listener, async move { signals.next().await }).await.map_err(Failure::system)
}

fn cannot(address: SocketAddr, source: std::io::Error) -> Failure {
    Failure::System { what: format!("cannot listen on {address}"), source }
}
