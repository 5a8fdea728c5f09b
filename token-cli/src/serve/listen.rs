//! Taking connections, and where they go.

use std::io;
use std::time::Duration;

use futures_util::future::try_join_all;
use token_http::sidecar::grpc::Grpc;
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
pub(super) fn tell(listeners: &[Listener], grpc: &[Listener]) {
    for listener in listeners {
        tracing::info!(address = listener.address(), "listening");
    }
    for listener in grpc {
        tracing::info!(address = listener.address(), "listening for gRPC");
    }
}

/// Hands connections to the cores until it is dropped, or fails.
pub(super) async fn serve(listeners: &[Listener], cores: &Cores) -> Result<(), Failure> {
    take_all(listeners, async |connection| match connection.leave() {
        Ok(connection) => cores.hand(connection),
        // Its client has it to bear, nobody else.
        Err(_) => Ok(()),
    })
    .await
}

/// Answers gRPC until it is told to stop; then ends when all calls have.
pub(super) async fn serve_grpc(
    grpc: Option<Grpc>,
    listeners: Vec<Listener>,
    stop: Stop,
) -> Result<(), Failure> {
    let Some(grpc) = grpc else { return Ok(()) };
    let (hand, handed) = mpsc::channel(WAITING);
    let told = stop.clone();
    let taking = async move {
        let hand = async |connection: Wire| {
            // Where nobody takes it, it is closed.
            let peer = connection.peer();
            let _ = hand.send(connection.at_once().map(|connection| (connection, peer))).await;
            Ok(())
        };
        tokio::select! {
            failure = take_all(&listeners, hand) => failure,
            () = told.told() => Ok(()),
        }
    };
    let serving =
        async move { grpc.serve(handed, async move { stop.told().await }).await.map_err(Failure::system) };
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
