//! Receives the revocations of one primary.
//!
//! A subscription subscribes to the channel on which the scripts publish revocations. Over the same connection it repeatedly
//! validates a token that cannot exist. A reply proves that the server is still the primary, and that all its earlier
//! messages have arrived, because one socket keeps their order. If replies do not arrive, leases run out; if the connection
//! is lost, they end at once.
//!
//! In a cluster a message reaches all nodes, so it arrives even while its slot is being moved.

use std::convert::Infallible;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, PushInfo, PushKind, RedisError, RedisResult, Value};
use token_core::TokenId;
use token_core::spi::Partition;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use super::protocol::ChangeObserver;
use crate::connection::{Address, Limits, StoreUrl};
use crate::keys::Namespace;
use crate::script::{self, answer};

/// The pause before the next attempt to subscribe at a primary.
pub(super) const PAUSE: Duration = Duration::from_millis(100);

/// The settings that all subscriptions of a cache share.
pub(super) struct Settings {
    pub(super) observer: Arc<dyn ChangeObserver>,
    /// The length of a lease.
    pub(super) age: Duration,
    pub(super) url: Arc<StoreUrl>,
    pub(super) names: Namespace,
    pub(super) limits: Limits,
    /// Notified when a subscription has lost its primary.
    pub(super) lost: Notify,
}

/// A subscription at one primary, until it is dropped.
pub(super) struct Subscription {
    state: Arc<State>,
    listening: JoinHandle<()>,
}

impl Subscription {
    pub(super) fn at(address: Address, settings: Arc<Settings>) -> Self {
        let state = Arc::new(State {
            settings,
            partitions: RwLock::default(),
            missed: Notify::new(),
            gap: AtomicBool::new(false),
        });
        let listening = tokio::spawn(listen(address, state.clone()));
        Self { state, listening }
    }

    /// Ends the leases of new partitions: another primary may have published a revocation of theirs a moment ago.
    pub(super) fn cover(&self, partitions: Vec<Partition>) {
        let mut covered = self.state.partitions.write().unwrap_or_else(PoisonError::into_inner);
        let new: Vec<_> = partitions.iter().copied().filter(|new| !covered.contains(new)).collect();
        self.state.settings.observer.missed(&new);
        *covered = partitions;
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.listening.abort();
        self.state.miss();
    }
}

async fn listen(address: Address, state: Arc<State>) {
    let mut complained = false;
    loop {
        let Err(error) = state.hear(&address, &mut complained).await;
        state.end();
        if !std::mem::replace(&mut complained, true) {
            tracing::warn!(store = %state.settings.url, server = %address, %error, "the local cache is bypassed: revocations cannot be heard");
        }
        state.settings.lost.notify_one();
        tokio::time::sleep(PAUSE).await;
    }
}

/// The state of one subscription.
struct State {
    settings: Arc<Settings>,
    partitions: RwLock<Vec<Partition>>,
    /// A message may have been missed: probe at once whether the primary still answers.
    missed: Notify,
    /// The same, and the reply of a probe under way must not extend the leases.
    gap: AtomicBool,
}

impl State {
    /// Receives messages until the primary is lost, and returns the reason.
    async fn hear(
        self: &Arc<Self>,
        address: &Address,
        complained: &mut bool,
    ) -> Result<Infallible, RedisError> {
        let Settings { observer, url, age, .. } = &*self.settings;
        let mut connection = self.subscribe(address).await?;
        loop {
            let sent = observer.now();
            self.gap.store(false, Ordering::Release);
            self.probe(&mut connection).await?;
            observer.confirmed(&self.lock(), sent);
            // The connection may have been lost between the two: leases that this ended must stay ended.
            if self.gap.load(Ordering::Acquire) {
                self.end();
            }
            if std::mem::take(complained) {
                tracing::info!(store = %url, server = %address, "revocations can be heard again");
            }
            tokio::select! {
                () = tokio::time::sleep(*age / 4) => {}
                () = self.missed.notified() => {}
            }
        }
    }

    async fn subscribe(self: &Arc<Self>, address: &Address) -> RedisResult<MultiplexedConnection> {
        let Settings { url, names, limits, age, .. } = &*self.settings;
        let state = self.clone();
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(limits.connect))
            // A reply that took longer than a lease extends none.
            .set_response_timeout(Some(limits.response.min(*age).max(PAUSE)))
            .set_push_sender(move |push| {
                state.receive(push);
                Ok::<_, Infallible>(())
            });
        let client = Client::open(url.listening_server(address)?)?;
        let mut connection = client.get_multiplexed_async_connection_with_config(&config).await?;
        connection.subscribe(names.revocations()).await?;
        Ok(connection)
    }

    /// Finds out whether the server still validates as the primary of its partitions.
    async fn probe(&self, connection: &mut MultiplexedConnection) -> RedisResult<()> {
        let Some(partition) = self.lock().first().copied() else { return Ok(()) };
        let key = self.settings.names.nobody_in(partition);
        script::probe(key).send(connection).await.map(drop)
    }

    fn end(&self) {
        self.settings.observer.missed(&self.lock());
    }

    /// Runs in the task that reads the connection, so that it finishes before the reply after the message is seen.
    fn receive(&self, push: PushInfo) {
        match (push.kind, push.data.as_slice()) {
            (PushKind::Message, [_, Value::BulkString(ids)]) => self.revoked(ids),
            (PushKind::Subscribe, _) => {}
            // The connection is lost, or the message is of an unknown kind: probe again.
            _ => self.miss(),
        }
    }

    /// The concatenated ids of a message, all of one partition.
    fn revoked(&self, ids: &[u8]) {
        let read: Vec<_> = ids.chunks(TokenId::TEXT_LENGTH).map(answer::id_of).collect();
        let known: Vec<_> = read.iter().flatten().copied().collect();
        self.settings.observer.revoked(&known);
        if read.contains(&None) {
            self.miss();
        }
    }

    fn miss(&self) {
        self.gap.store(true, Ordering::Release);
        self.end();
        self.missed.notify_one();
    }

    fn lock(&self) -> RwLockReadGuard<'_, Vec<Partition>> {
        self.partitions.read().unwrap_or_else(PoisonError::into_inner)
    }
}
