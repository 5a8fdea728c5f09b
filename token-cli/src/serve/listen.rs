//! Where it listens, and how it ends.

use std::net::SocketAddr;
use std::time::Duration;

use token_http::sidecar::Sidecar;
use tokio::net::TcpListener;

use super::cores::{Cores, Finished};
use super::stop::Stop;
use crate::failure::Failure;

/// Before another try where no connection can be taken: mostly there are too many.
const PAUSE: Duration = Duration::from_secs(1);

/// Listens there.
pub(super) async fn bind(address: SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).await.map_err(|source| cannot(address, source))
}

/// Hands connections to the cores until it is told to stop; then ends when all requests have.
pub(super) async fn serve(listener: TcpListener, cores: Cores, stop: &Stop) -> Result<Finished, Failure> {
    let address = listener.local_addr().map_err(Failure::system)?;
    tracing::info!(%address, "listening");
    let taking = async {
        loop {
            take(&listener, &cores).await?;
        }
    };
    let ended: Result<(), Failure> = tokio::select! {
        failure = taking => failure,
        () = stop.told() => Ok(()),
    };
    drop(listener);
    ended?;
    tracing::info!("told to stop; finishing what was begun");
    Ok(cores.finish().await)
}

async fn take(listener: &TcpListener, cores: &Cores) -> Result<(), Failure> {
    match listener.accept().await {
        Ok((connection, _)) => match connection.into_std() {
            Ok(connection) => cores.hand(connection),
            // Its client has it to bear, nobody else.
            Err(_) => Ok(()),
        },
        Err(error) => {
            tracing::warn!(%error, "cannot take a connection");
            tokio::time::sleep(PAUSE).await;
            Ok(())
        }
    }
}

/// The same for gRPC, where that is asked for.
pub(super) async fn serve_grpc(
    sidecar: Sidecar,
    listener: Option<TcpListener>,
    stop: Stop,
) -> Result<(), Failure> {
    let Some(listener) = listener else { return Ok(()) };
    let address = listener.local_addr().map_err(Failure::system)?;
    tracing::info!(%address, "listening for gRPC");
    sidecar.serve_grpc(listener, async move { stop.told().await }).await.map_err(Failure::system)
}

fn cannot(address: SocketAddr, source: std::io::Error) -> Failure {
    Failure::System { what: format!("cannot listen on {address}"), source }
}
