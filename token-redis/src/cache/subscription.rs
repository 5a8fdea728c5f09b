//! Hears of revocations at one primary.
//!
//! It subscribes to the channel on which the scripts announce revocations, and over the same connection it asks, again and
//! again, for a validation of a token that cannot exist. An answer says that the server still is the primary, and that all it
//! announced before it answered has arrived, since both come over one socket in order. If answers fail to come, leases run
//! out by themselves; when a connection is lost, they end at once.
//!
//! In a cluster an announcement reaches all nodes, so it is heard even while its slot is on the move.

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

/// Before a primary that cannot be heard is tried again.
pub(super) const PAUSE: Duration = Duration::from_millis(100);

/// What all subscriptions of a cache share.
pub(super) struct Settings {
    pub(super) observer: Arc<dyn ChangeObserver>,
    /// How long a lease is.
    pub(super) age: Duration,
    pub(super) url: Arc<StoreUrl>,
    pub(super) names: Namespace,
    pub(super) limits: Limits,
    /// A subscription has lost its primary.
    pub(super) lost: Notify,
}

/// Listens to one primary until it is dropped.
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

    /// Partitions that are new here may have had a revocation announced at another primary just now.
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
    /// Something may have been missed: find out at once whether the primary can still be heard.
    missed: Notify,
    /// The same, for a probe whose answer is about to extend the leases.
    gap: AtomicBool,
}

impl State {
    /// Listens until the primary cannot be heard any more, and says why.
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
            // Between the two, the connection may have been lost: what it ended must stay so.
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
            // An answer that is older than a lease gives none.
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

    /// Finds out whether the server still validates, as the primary of its partitions.
    async fn probe(&self, connection: &mut MultiplexedConnection) -> RedisResult<()> {
        let Some(partition) = self.lock().first().copied() else { return Ok(()) };
        let key = self.settings.names.nobody_in(partition);
        script::probe(key).send(connection).await.map(drop)
    }

    fn end(&self) {
        self.settings.observer.missed(&self.lock());
    }

    /// Runs where the connection is read, so that it is done before the answer behind it is seen.
    fn receive(&self, push: PushInfo) {
        match (push.kind, push.data.as_slice()) {
            (PushKind::Message, [_, Value::BulkString(ids)]) => self.revoked(ids),
            (PushKind::Subscribe, _) => {}
            // The connection is lost, or says what we know nothing of: better ask again.
            _ => self.miss(),
        }
    }

    /// The ids of one partition, one after the other.
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
