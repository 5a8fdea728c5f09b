//! The shared connection to one server, and its failures.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex as StdMutex, MutexGuard, PoisonError, RwLock, Weak};
use std::time::{Duration, Instant};

use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::{Cmd, Pipeline, RedisFuture, RedisResult, Value};
use tokio::sync::Mutex;

use super::backoff::Backoff;
use super::store_url::Address;

/// The owner of links, which watches and replaces them.
pub(super) trait Owner: Send + Sync {
    /// A call has failed over this link.
    fn watch(&self, link: &Arc<Link>);
}

/// The connection to one server that all validations of a runtime share, replaced when it is lost.
pub(super) struct Link {
    pub(super) address: Address,
    owner: Weak<dyn Owner>,
    current: RwLock<Current>,
    /// Held by the caller that connects.
    connecting: Mutex<()>,
    backoff: Backoff,
    failing: Failing,
}

#[derive(Default)]
struct Current {
    connection: Option<MultiplexedConnection>,
    /// How many connections were installed so far.
    generation: u64,
}

impl Link {
    pub(super) fn new(address: Address, owner: Weak<dyn Owner>) -> Self {
        Self {
            address,
            owner,
            current: RwLock::default(),
            connecting: Mutex::default(),
            backoff: Backoff::default(),
            failing: Failing::default(),
        }
    }

    /// The connection, if there is one.
    pub(super) fn handle(self: &Arc<Self>) -> Option<Handle> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        let connection = current.connection.clone()?;
        Some(Handle { connection, generation: current.generation, link: self.clone(), settled: false })
    }

    pub(super) fn is_open(&self) -> bool {
        self.current.read().unwrap_or_else(PoisonError::into_inner).connection.is_some()
    }

    /// The connection; connects if there is none. Concurrent callers wait for it.
    pub(super) async fn connect<F>(self: &Arc<Self>, open: impl FnOnce() -> F) -> RedisResult<Handle>
    where
        F: Future<Output = RedisResult<MultiplexedConnection>>,
    {
        let _connecting = self.connecting.lock().await;
        if let Some(handle) = self.handle() {
            return Ok(handle);
        }
        let wait = self.backoff.wait();
        // Do not connect again for each caller to a server that could not be reached a moment ago.
        if !wait.is_zero()
            && let Some(error) = self.backoff.failure()
        {
            return Err(error);
        }
        tokio::time::sleep(wait).await;
        self.backoff.begin();
        let connection = open().await.inspect_err(|error| self.backoff.failed(error))?;
        let generation = self.install(connection.clone());
        Ok(Handle { connection, generation, link: self.clone(), settled: false })
    }

    /// Replaces the connection.
    pub(super) fn install(&self, connection: MultiplexedConnection) -> u64 {
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        current.connection = Some(connection);
        current.generation += 1;
        self.failing.clear();
        current.generation
    }

    /// Drops the connection of this generation; returns whether it still existed.
    pub(super) fn discard(&self, generation: u64) -> bool {
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        let there = current.generation == generation && current.connection.take().is_some();
        if there {
            self.failing.clear();
        }
        there
    }

    /// Drops the current connection; returns whether there was one.
    pub(super) fn close(&self) -> bool {
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        self.failing.clear();
        current.connection.take().is_some()
    }

    /// Whether the connection is new and may not be replaced yet.
    pub(super) fn is_held_back(&self) -> bool {
        !self.backoff.wait().is_zero()
    }

    /// How long calls have failed without a success.
    pub(super) fn failing_for(&self) -> Option<Duration> {
        self.failing.since().map(|since| since.elapsed())
    }

    pub(super) fn note_success(&self) {
        self.failing.clear();
    }

    fn note_failure(self: &Arc<Self>) {
        self.failing.note();
        if let Some(owner) = self.owner.upgrade() {
            owner.watch(self);
        }
    }

    /// Starts a watch, unless there is one already.
    pub(super) fn begin_watch(self: &Arc<Self>) -> Option<Watch> {
        let watched = self.failing.watched.swap(true, Ordering::AcqRel);
        (!watched).then(|| Watch(self.clone()))
    }
}

/// A watch of a link, until it is dropped.
pub(super) struct Watch(pub(super) Arc<Link>);

impl Drop for Watch {
    fn drop(&mut self) {
        self.0.failing.watched.store(false, Ordering::Release);
    }
}

/// Since when calls have failed without a success.
#[derive(Default)]
struct Failing {
    /// Whether there is any failure. Usually a success only reads this.
    any: AtomicBool,
    since: StdMutex<Option<Instant>>,
    watched: AtomicBool,
}

impl Failing {
    fn note(&self) {
        let mut since = self.lock();
        since.get_or_insert_with(Instant::now);
        self.any.store(true, Ordering::Release);
    }

    fn clear(&self) {
        if self.any.load(Ordering::Acquire) {
            let mut since = self.lock();
            *since = None;
            self.any.store(false, Ordering::Release);
        }
    }

    fn since(&self) -> Option<Instant> {
        *self.lock()
    }

    fn lock(&self) -> MutexGuard<'_, Option<Instant>> {
        self.since.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection that other callers use at the same time. Dropping it in the middle of a call is a failure of that call.
pub(crate) struct Handle {
    connection: MultiplexedConnection,
    pub(super) generation: u64,
    pub(super) link: Arc<Link>,
    settled: bool,
}

impl Handle {
    /// The server has answered.
    pub(super) fn succeed(mut self) {
        self.settled = true;
        self.link.note_success();
    }

    /// The connection was replaced, or need not be.
    pub(super) fn settle(mut self) {
        self.settled = true;
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        if !self.settled {
            self.link.note_failure();
        }
    }
}

impl ConnectionLike for Handle {
    fn req_packed_command<'a>(&'a mut self, command: &'a Cmd) -> RedisFuture<'a, Value> {
        self.connection.req_packed_command(command)
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        self.connection.req_packed_commands(pipeline, offset, count)
    }

    fn get_db(&self) -> i64 {
        self.connection.get_db()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_fail_since_the_first_failure_until_a_success() {
        let failing = Failing::default();
        assert_eq!(failing.since(), None);
        failing.note();
        let first = failing.since();
        failing.note();
        assert!(first.is_some() && failing.since() == first);
        failing.clear();
        assert_eq!(failing.since(), None);
    }
}
