//! A runtime that lives as long as this process, for all calls to the Docker engine. A container outlives the runtime of the
//! test that started it, and so must the connections of the client.

use std::panic::resume_unwind;
use std::sync::LazyLock;
use std::thread;

use tokio::runtime::{Builder, Runtime};

static ENGINE: LazyLock<Runtime> = LazyLock::new(|| {
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(1).thread_name("engine").enable_all();
    builder.build().expect("the system gives a thread")
});

/// Runs a future on this runtime, and waits for it.
pub(super) async fn run<F: Future>(work: impl FnOnce() -> F + Send + 'static) -> F::Output
where
    F::Output: Send + 'static,
{
    let done = tokio::task::spawn_blocking(move || ENGINE.block_on(work()));
    done.await.unwrap_or_else(|error| resume_unwind(error.into_panic()))
}

/// The same, blocking the thread: for a drop, inside another runtime or none.
///
/// # Errors
/// The future panicked.
pub(super) fn finish<F: Future<Output = ()>>(
    work: impl FnOnce() -> F + Send + 'static,
) -> thread::Result<()> {
    thread::spawn(move || ENGINE.block_on(work())).join()
}
