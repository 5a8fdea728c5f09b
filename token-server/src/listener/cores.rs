//! A thread for each core, with a runtime of its own: all that a request needs is done there, and none waits for another.

use std::io;
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use crate::http::service::SidecarService;
use tokio::runtime::Runtime;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::timeout;

use super::connection::ConnectionHandler;
use super::wire::Accepted;
use crate::failure::Failure;

/// How long requests may take that were begun before the end.
const FINISH: Duration = Duration::from_secs(15);

/// The threads, each with its connections.
pub(crate) struct Cores(Vec<Core>);

struct Core {
    handler: Arc<ConnectionHandler>,
    tasks: mpsc::UnboundedSender<Task>,
    /// Held once for each of its connections, and here.
    held: Arc<()>,
    finished: oneshot::Receiver<()>,
    thread: Thread,
}

/// What a core has to do.
enum Task {
    /// Answer this connection, and hold this until it has ended.
    Answer(Accepted, Arc<()>),
    /// Something that needs its runtime.
    Work(Pin<Box<dyn Future<Output = ()> + Send>>),
}

/// A thread, whose runtime lasts until this is dropped.
struct Thread {
    last: Option<oneshot::Sender<()>>,
    handle: Option<JoinHandle<()>>,
}

/// What a thread works by.
struct Worker {
    handler: Arc<ConnectionHandler>,
    tasks: mpsc::UnboundedReceiver<Task>,
    finished: oneshot::Sender<()>,
    last: oneshot::Receiver<()>,
}

/// Threads that have finished. They last until this is dropped: what others still do may need connections that live there.
pub(crate) struct Finished {
    _threads: Vec<Thread>,
}

/// How many cores this process may use.
pub(crate) fn number() -> NonZeroUsize {
    std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)
}

impl Cores {
    /// Starts so many, each with a handler of its own.
    pub(crate) fn start(
        number: NonZeroUsize,
        handler: impl Fn() -> ConnectionHandler,
    ) -> Result<Self, Failure> {
        let begin = |number| Core::begin(number, handler());
        (1..=number.get()).map(begin).collect::<Result<_, _>>().map(Self).map_err(Failure::system)
    }

    /// Hands a connection to the core that has the fewest.
    pub(crate) fn hand(&self, connection: Accepted) -> Result<(), Failure> {
        let idlest = self.0.iter().min_by_key(|core| Arc::strong_count(&core.held)).ok_or_else(stopped)?;
        idlest.tasks.send(Task::Answer(connection, idlest.held.clone())).map_err(|_| stopped())
    }

    /// Makes something on each core, as one that belongs to its runtime.
    pub(crate) async fn on_each<T, W>(&self, work: impl Fn() -> W) -> Result<Vec<T>, Failure>
    where
        T: Send + 'static,
        W: Future<Output = Result<T, Failure>> + Send + 'static,
    {
        let mut begun = Vec::with_capacity(self.0.len());
        for core in &self.0 {
            let (answer, answered) = oneshot::channel();
            let work = work();
            // The caller that waits for it may have given up.
            let work = async move { _ = answer.send(work.await) };
            core.tasks.send(Task::Work(Box::pin(work))).map_err(|_| stopped())?;
            begun.push(answered);
        }
        let mut made = Vec::with_capacity(begun.len());
        for answered in begun {
            made.push(answered.await.map_err(|_| stopped())??);
        }
        Ok(made)
    }

    /// Answers with these services from now on, one for each core.
    pub(crate) fn answer_with(&self, services: Vec<SidecarService>) {
        for (core, service) in self.0.iter().zip(services) {
            core.handler.answer_with(service);
        }
    }

    /// The same with one for all.
    pub(crate) fn answer_with_one(&self, service: &SidecarService) {
        for core in &self.0 {
            core.handler.answer_with(service.clone());
        }
    }

    /// No more connections come: ends when all requests have.
    pub(crate) async fn finish(mut self) -> Finished {
        let ending = self.0.drain(..).map(|Core { finished, thread, .. }| (finished, thread));
        let (finished, _threads): (Vec<_>, _) = ending.unzip();
        for finished in finished {
            // One that has failed has finished, too.
            let _ = finished.await;
        }
        Finished { _threads }
    }
}

/// All are notified before the first is waited for.
impl Drop for Cores {
    fn drop(&mut self) {
        let threads: Vec<_> = self.0.drain(..).map(|Core { thread, .. }| thread).collect();
        drop(threads);
    }
}

impl Core {
    fn begin(number: usize, handler: ConnectionHandler) -> io::Result<Self> {
        let handler = Arc::new(handler);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (sender, tasks) = mpsc::unbounded_channel();
        let (finished, has_finished) = oneshot::channel();
        let (last, is_last) = oneshot::channel();
        let worker = Worker { handler: handler.clone(), tasks, finished, last: is_last };
        let work = move || Runtime::block_on(&runtime, worker.work());
        let handle = std::thread::Builder::new().name(format!("core-{number}")).spawn(work)?;
        let thread = Thread { last: Some(last), handle: Some(handle) };
        Ok(Self { handler, tasks: sender, held: Arc::new(()), finished: has_finished, thread })
    }
}

impl Worker {
    async fn work(mut self) {
        let (end, ending) = watch::channel(());
        while let Some(task) = self.tasks.recv().await {
            match task {
                Task::Answer(connection, held) => {
                    let (handler, ending) = (self.handler.clone(), ending.clone());
                    tokio::spawn(async move {
                        let _held = held;
                        handler.answer(connection, ending).await;
                    });
                }
                Task::Work(work) => drop(tokio::spawn(work)),
            }
        }
        drop(ending);
        end.send_replace(());
        // Whatever is not answered by then is given up.
        let _ = timeout(FINISH, end.closed()).await;
        let _ = self.finished.send(());
        let _ = self.last.await;
    }
}

impl Drop for Thread {
    fn drop(&mut self) {
        drop(self.last.take());
        if let Some(handle) = self.handle.take() {
            // A panic was logged by the thread that panicked.
            let _ = handle.join();
        }
    }
}

fn stopped() -> Failure {
    let source = io::Error::other("a thread that does so has stopped");
    Failure::System { what: "cannot answer requests any more".into(), source }
}
