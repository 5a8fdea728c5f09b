//! Taking connections, and where they go.

use std::io;
use std::time::Duration;

use crate::grpc::Grpc;
use futures_util::future::try_join_all;
use tokio::sync::mpsc;

use super::bind::Listener;
use super::cores::Cores;
use super::stop::Stop;
use super::wire::Wire;
use crate::failure::Failure;

/// Before another try where no connection can be taken: mostly there are too many.
const PAUSE: Duration = Duration::from_secs(1);
/// How many connections for gRPC may wait to be dealt with.
const WAITING: usize = 64;

/// Says where it listens.
pub(crate) fn log_addresses(listeners: &[Listener], grpc: &[Listener]) {
    for listener in listeners {
        tracing::info!(address = listener.address(), "listening");
    }
    for listener in grpc {
        tracing::info!(address = listener.address(), "listening for gRPC");
    }
}

/// Hands connections to the cores until it is dropped, or fails.
pub(crate) async fn serve(listeners: &[Listener], cores: &Cores) -> Result<(), Failure> {
    take_all(listeners, async |connection| match connection.leave() {
        Ok(connection) => cores.hand(connection),
        // Only its client is concerned.
        Err(_) => Ok(()),
    })
    .await
}

/// Answers gRPC until it has to stop, then ends when all calls have.
pub(crate) async fn serve_grpc(
    grpc: Option<Grpc>,
    listeners: Vec<Listener>,
    stop: Stop,
) -> Result<(), Failure> {
    let Some(grpc) = grpc else { return Ok(()) };
    let (hand, handed) = mpsc::channel(WAITING);
    let stop_taking = stop.clone();
    let taking = async move {
        let hand = async |connection: Wire| {
            // If it is not taken, it is closed.
            let peer = connection.peer();
            let _ = hand.send(connection.at_once().map(|connection| (connection, peer))).await;
            Ok(())
        };
        tokio::select! {
            failure = take_all(&listeners, hand) => failure,
            () = stop_taking.requested() => Ok(()),
        }
    };
    let serving = async move {
        grpc.serve(handed, async move { stop.requested().await }).await.map_err(Failure::system)
    };
    tokio::try_join!(taking, serving).map(drop)
}

/// Takes connections from all listeners until it is dropped, or fails.
async fn take_all(
    listeners: &[Listener],
    hand: impl AsyncFn(Wire) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let take = async |listener: &Listener| -> Result<(), Failure> {
        loop {
            match listener.accept().await {
                Ok(connection) => hand(connection).await?,
                Err(error) => pause(error).await,
            }
        }
    };
    try_join_all(listeners.iter().map(take)).await.map(drop)
}

async fn pause(error: io::Error) {
    tracing::warn!(%error, "cannot take a connection");
    tokio::time::sleep(PAUSE).await;
}
