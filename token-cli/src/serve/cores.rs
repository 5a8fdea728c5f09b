//! A thread for each core, with a runtime of its own: all that a request needs is done there, and none waits for another.

use std::net::TcpStream;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use hyper_util::server::graceful::GracefulShutdown;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use super::door::Door;
use crate::failure::Failure;

/// How long requests may take that were begun before the end.
const FINISH: Duration = Duration::from_secs(15);

/// The threads, each with its connections.
pub(super) struct Cores(Vec<Core>);

struct Core {
    connections: mpsc::UnboundedSender<Handed>,
    /// Held once for each of its connections, and here.
    held: Arc<()>,
    finished: oneshot::Receiver<()>,
    thread: Thread,
}

/// A connection for a core, and what it holds until it has ended.
struct Handed(TcpStream, Arc<()>);

/// A thread, whose runtime lasts until this is dropped.
struct Thread {
    last: Option<oneshot::Sender<()>>,
    handle: Option<JoinHandle<()>>,
}

/// What a thread works by: what it is told, and what it tells.
struct Worker {
    ready: oneshot::Sender<Result<(), Failure>>,
    connections: mpsc::UnboundedReceiver<Handed>,
    finished: oneshot::Sender<()>,
    last: oneshot::Receiver<()>,
}

/// Threads that have finished. They last until this is dropped: what others still do may need connections that live there.
pub(super) struct Finished {
    _threads: Vec<Thread>,
}

/// How many cores this process may use.
pub(super) fn number() -> NonZeroUsize {
    std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)
}

impl Cores {
    /// Starts so many, each of which opens a door of its own.
    pub(super) async fn start<F>(number: NonZeroUsize, open: F) -> Result<Self, Failure>
    where
        F: AsyncFn() -> Result<Door, Failure> + Clone + Send + 'static,
    {
        let begin = |number| Core::begin(number, open.clone());
        let starting =
            (1..=number.get()).map(begin).collect::<Result<Vec<_>, _>>().map_err(Failure::system)?;
        let mut cores = Vec::with_capacity(number.get());
        for (core, ready) in starting {
            ready.await.map_err(|_| stopped())??;
            cores.push(core);
        }
        Ok(Self(cores))
    }

    /// Hands a connection to the core that has the fewest.
    pub(super) fn hand(&self, connection: TcpStream) -> Result<(), Failure> {
        let idlest = self.0.iter().min_by_key(|core| Arc::strong_count(&core.held)).ok_or_else(stopped)?;
        idlest.connections.send(Handed(connection, idlest.held.clone())).map_err(|_| stopped())
    }

    /// No more connections come: ends when all requests have.
    pub(super) async fn finish(mut self) -> Finished {
        let ending = self.0.drain(..).map(|Core { finished, thread, .. }| (finished, thread));
        let (finished, _threads): (Vec<_>, _) = ending.unzip();
        for finished in finished {
            // One that has failed has finished, too.
            let _ = finished.await;
        }
        Finished { _threads }
    }
}

/// All are told before the first is waited for.
impl Drop for Cores {
    fn drop(&mut self) {
        let threads: Vec<_> = self.0.drain(..).map(|Core { thread, .. }| thread).collect();
        drop(threads);
    }
}

impl Core {
    fn begin<F>(number: usize, open: F) -> std::io::Result<(Self, oneshot::Receiver<Result<(), Failure>>)>
    where
        F: AsyncFn() -> Result<Door, Failure> + Send + 'static,
    {
        let (ready, is_ready) = oneshot::channel();
        let (connections, handed) = mpsc::unbounded_channel();
        let (finished, has_finished) = oneshot::channel();
        let (last, is_last) = oneshot::channel();
        let worker = Worker { ready, connections: handed, finished, last: is_last };
        let work = move || match tokio::runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime.block_on(worker.work(open)),
            // Whoever waits for it finds it closed where it is not told.
            Err(error) => drop(worker.ready.send(Err(Failure::system(error)))),
        };
        let handle = std::thread::Builder::new().name(format!("core-{number}")).spawn(work)?;
        let thread = Thread { last: Some(last), handle: Some(handle) };
        Ok((Self { connections, held: Arc::new(()), finished: has_finished, thread }, is_ready))
    }
}

impl Worker {
    async fn work(mut self, open: impl AsyncFn() -> Result<Door, Failure>) {
        let door = match open().await {
            Ok(door) => Arc::new(door),
            Err(failure) => {
                let _ = self.ready.send(Err(failure));
                return;
            }
        };
        // Whoever started it may have failed meanwhile: then no connections come.
        let _ = self.ready.send(Ok(()));
        let graceful = GracefulShutdown::new();
        while let Some(Handed(connection, held)) = self.connections.recv().await {
            let (door, watcher) = (door.clone(), graceful.watcher());
            tokio::spawn(async move {
                let _held = held;
                door.answer(connection, watcher).await;
            });
        }
        // Whatever is not answered by then is given up.
        let _ = timeout(FINISH, graceful.shutdown()).await;
        let _ = self.finished.send(());
        let _ = self.last.await;
    }
}

impl Drop for Thread {
    fn drop(&mut self) {
        drop(self.last.take());
        if let Some(handle) = self.handle.take() {
            // A panic was told of where it happened.
            let _ = handle.join();
        }
    }
}

fn stopped() -> Failure {
    let source = std::io::Error::other("a thread that does so has stopped");
    Failure::System { what: "cannot answer requests any more".into(), source }
}
