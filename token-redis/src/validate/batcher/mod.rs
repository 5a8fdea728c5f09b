//! Requests that are made at the same time share a call.
//!
//! A call costs the server, the connection and the caller several times as much as one more request in it. While fewer calls
//! than a threshold are under way, each request makes its own call. Further requests wait in a batch: the first of them starts
//! a task that yields, so that others can join, and then makes calls for several requests each. Identical requests share a
//! place in the batch. No request joins a call that was sent before it, and the replies of one call wake the callers that make
//! up the next batch. If the task makes no progress, because something blocks its thread, another task is started after a
//! quarter of a request's time, and in the last quarter the request is sent alone, possibly for the second time.

use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher, Hash};
use std::iter::zip;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::oneshot;
use tokio::time::error::Elapsed;
use tokio::time::{Instant, timeout_at};

/// How often the task yields before it makes a call, as long as more requests join each time.
const YIELDS: usize = 4;

/// Makes the calls.
pub(super) trait BatchExecutor: Send + Sync + 'static {
    /// Requests of one key can share a call.
    type Key: Copy + Ord + Send + 'static;
    type Request: Clone + Hash + Eq + Send + 'static;
    /// Hashes requests.
    type Hasher: BuildHasher + Default + Send + 'static;
    type Reply: Clone + Send + 'static;
    /// The maximum number of requests in one call.
    const MOST: usize;

    /// Answers all of the requests with one call, in their order.
    fn execute(
        &self,
        key: Self::Key,
        requests: Vec<Self::Request>,
    ) -> impl Future<Output = Vec<Self::Reply>> + Send;
}

/// Batches requests.
pub(super) struct Batcher<T: BatchExecutor> {
    executor: T,
    threshold: usize,
    batches: Mutex<BTreeMap<T::Key, Batch<T>>>,
}

/// The calls under way for one key, and the requests that wait for the next call.
struct Batch<T: BatchExecutor> {
    calls: usize,
    /// The requests whose own call is under way.
    alone: Vec<T::Request>,
    waiting: HashMap<T::Request, Callers<T>, T::Hasher>,
}

/// The callers that wait for the same reply.
type Callers<T> = Vec<oneshot::Sender<<T as BatchExecutor>::Reply>>;

/// Requests, and the callers of each.
type Waiting<T> = Vec<(<T as BatchExecutor>::Request, Callers<T>)>;

enum Place<T: BatchExecutor> {
    Alone(Call<T>),
    InBatch(oneshot::Receiver<T::Reply>),
}

impl<T: BatchExecutor> Batcher<T> {
    /// Batches requests while at least `threshold` calls are under way for their key.
    pub(super) fn new(executor: T, threshold: usize) -> Arc<Self> {
        Arc::new(Self { executor, threshold, batches: Mutex::default() })
    }

    pub(super) fn executor(&self) -> &T {
        &self.executor
    }

    /// The reply to this request, from a call that starts later than the request: `alone`, or a shared call.
    ///
    /// # Errors
    /// The request waited for a shared call, and its `time`, which ends at `until`, was over. A call of its own has no limit
    /// here.
    pub(super) async fn ask(
        self: &Arc<Self>,
        key: T::Key,
        request: &T::Request,
        time: Duration,
        until: Instant,
        alone: impl AsyncFnOnce() -> T::Reply,
    ) -> Result<T::Reply, Elapsed> {
        let reply = match self.enter(key, request) {
            Place::Alone(_call) => return Ok(alone().await),
            Place::InBatch(reply) => reply,
        };
        match self.wait(key, reply, [until - time * 3 / 4, until - time / 4]).await {
            Some(reply) => Ok(reply),
            // Boxed: it is large, seldom needed, and would be moved with every request.
            None => Box::pin(timeout_at(until, alone())).await,
        }
    }

    /// The reply of the shared call; `None` if the call has ended with its runtime, or makes no progress until the second
    /// moment. At the first moment this makes the call for all requests that still wait.
    async fn wait(
        self: &Arc<Self>,
        key: T::Key,
        mut reply: oneshot::Receiver<T::Reply>,
        moments: [Instant; 2],
    ) -> Option<T::Reply> {
        if let Ok(reply) = timeout_at(moments[0], &mut reply).await {
            return reply.ok();
        }
        tokio::spawn(self.clone().call(key));
        timeout_at(moments[1], reply).await.ok()?.ok()
    }

    fn enter(self: &Arc<Self>, key: T::Key, request: &T::Request) -> Place<T> {
        let mut batches = self.batches();
        let batch = batches.entry(key).or_insert_with(Batch::new);
        if batch.calls < self.threshold && !batch.alone.contains(request) {
            batch.calls += 1;
            batch.alone.push(request.clone());
            return Place::Alone(Call { batcher: self.clone(), key, alone: Some(request.clone()) });
        }
        let (caller, reply) = oneshot::channel();
        let first = batch.waiting.values().flatten().all(oneshot::Sender::is_closed);
        match batch.waiting.get_mut(request) {
            Some(callers) => callers.push(caller),
            None => drop(batch.waiting.insert(request.clone(), vec![caller])),
        }
        drop(batches);
        if first {
            tokio::spawn(self.clone().gather(key));
        }
        Place::InBatch(reply)
    }

    async fn gather(self: Arc<Self>, key: T::Key) {
        // Yield, so that requests that are about to be made can join.
        let mut come = 0;
        // Requests on other threads are being made in parallel: waiting longer for them costs more than it gains.
        let yields = if self.threshold == 0 { YIELDS } else { 1 };
        for _ in 0..yields {
            let waiting = self.waiting(key);
            if waiting == come {
                break;
            }
            come = waiting;
            tokio::task::yield_now().await;
        }
        self.call(key).await;
    }

    fn waiting(&self, key: T::Key) -> usize {
        self.batches().get(&key).map_or(0, |batch| batch.waiting.len())
    }

    /// Makes the calls for all requests that wait.
    async fn call(self: Arc<Self>, key: T::Key) {
        join_all(self.take(key).into_iter().map(|(call, waiting)| call.answer(waiting))).await;
    }

    /// The requests that wait, in as few calls as possible, of about the same size.
    fn take(self: &Arc<Self>, key: T::Key) -> Vec<(Call<T>, Waiting<T>)> {
        let mut batches = self.batches();
        let Some(batch) = batches.get_mut(&key) else { return Vec::new() };
        let is_awaited = |callers: &Callers<T>| !callers.iter().all(oneshot::Sender::is_closed);
        let mut waiting: Vec<_> = batch.waiting.drain().filter(|(_, callers)| is_awaited(callers)).collect();
        let mut calls = Vec::new();
        for left in (1..=waiting.len().div_ceil(T::MOST)).rev() {
            let others = waiting.split_off(waiting.len().div_ceil(left));
            batch.calls += 1;
            let call = Call { batcher: self.clone(), key, alone: None };
            calls.push((call, mem::replace(&mut waiting, others)));
        }
        if batch.is_idle() {
            batches.remove(&key);
        }
        calls
    }

    fn batches(&self) -> MutexGuard<'_, BTreeMap<T::Key, Batch<T>>> {
        self.batches.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: BatchExecutor> Batch<T> {
    fn new() -> Self {
        Self { calls: 0, alone: Vec::new(), waiting: HashMap::default() }
    }

    fn is_idle(&self) -> bool {
        self.calls == 0 && self.waiting.is_empty()
    }
}

/// A call under way, until it is dropped.
struct Call<T: BatchExecutor> {
    batcher: Arc<Batcher<T>>,
    key: T::Key,
    /// The request, if the call is for a single one.
    alone: Option<T::Request>,
}

impl<T: BatchExecutor> Call<T> {
    /// Answers the callers that still wait.
    async fn answer(self, waiting: Waiting<T>) {
        let (requests, callers): (Vec<_>, Vec<_>) = waiting.into_iter().unzip();
        let replies = self.batcher.executor.execute(self.key, requests).await;
        drop(self);
        for (mut callers, reply) in zip(callers, replies) {
            let last = callers.pop();
            for caller in callers {
                drop(caller.send(reply.clone()));
            }
            drop(last.map(|last| last.send(reply)));
        }
    }
}

impl<T: BatchExecutor> Drop for Call<T> {
    fn drop(&mut self) {
        let mut batches = self.batcher.batches();
        let Some(batch) = batches.get_mut(&self.key) else { return };
        batch.calls -= 1;
        if let Some(request) = &self.alone {
            batch.alone.retain(|other| other != request);
        }
        if batch.is_idle() {
            batches.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests;
