//! The connections that all validations of a runtime share: one to each primary.
//!
//! Many callers use one socket for each server, and no caller waits for another. A connection is replaced as soon as it is
//! lost. If a server is silent, a watch starts: it looks for another primary, and replaces the connection if calls keep
//! failing (`watch.rs`).

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockWriteGuard, Weak};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{join_all, select_ok};
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, ErrorKind, RedisError, RedisResult};
use tokio::time::error::Elapsed;

use super::limits::Limits;
use super::link::{Handle, Link, Owner};
use super::once_per_minute::OncePerMinute;
use super::routed::{Operation, Routed};
use super::router::{Connector, Router, is_demoted, is_lost};
use super::slot_map::Primary;
use super::store_url::{Address, StoreUrl, TopologyKind};
use super::topology::Topology;

/// A connection to one primary that others use at the same time.
pub(crate) type SharedConnection = Routed<Handle>;

/// The shared connections of one runtime.
pub(crate) struct SharedConnections {
    pub(super) me: Weak<Self>,
    pub(super) url: Arc<StoreUrl>,
    pub(super) topology: Arc<Topology>,
    pub(super) limits: Limits,
    links: RwLock<HashMap<Address, Arc<Link>>>,
    /// Limits the warnings about a replacement, and about a failed one.
    replaced: OncePerMinute,
    pub(super) stuck: OncePerMinute,
    /// How often connections were replaced, on all runtimes together.
    replacements: Arc<AtomicU64>,
}

impl SharedConnections {
    /// Connects to at least one primary.
    pub(crate) async fn open(topology: Arc<Topology>, limits: Limits) -> RedisResult<Arc<Self>> {
        Self::begin(topology, limits, Arc::default()).await
    }

    /// Connections to the same store on the calling runtime. They have their own topology, so that a runtime that is blocked
    /// while it reads the topology delays no other runtime.
    pub(crate) async fn fork(&self) -> RedisResult<Arc<Self>> {
        let topology = Topology::new(self.url.clone(), self.limits.connect);
        Self::begin(Arc::new(topology), self.limits, self.replacements.clone()).await
    }

    async fn begin(
        topology: Arc<Topology>,
        limits: Limits,
        replacements: Arc<AtomicU64>,
    ) -> RedisResult<Arc<Self>> {
        let shared = Self::unconnected(topology, limits, replacements);
        shared.connect_to_any().await?;
        Ok(shared)
    }

    fn unconnected(topology: Arc<Topology>, limits: Limits, replacements: Arc<AtomicU64>) -> Arc<Self> {
        Arc::new_cyclic(|me| Self {
            me: me.clone(),
            url: topology.url().clone(),
            topology,
            limits,
            links: RwLock::default(),
            replaced: OncePerMinute::default(),
            stuck: OncePerMinute::default(),
            replacements,
        })
    }

    /// In a cluster some primaries may be down: the first one that answers is enough, and the others are connected later.
    async fn connect_to_any(self: &Arc<Self>) -> RedisResult<()> {
        self.topology.primary(0).await?;
        let map = self.topology.map().await?;
        let connecting = map.primaries().iter().cloned().map(|primary| {
            let shared = self.clone();
            async move { shared.connect(&primary.address).await.map(Handle::succeed) }.boxed()
        });
        let ((), others) = select_ok(connecting).await?;
        if !others.is_empty() {
            tokio::spawn(join_all(others));
        }
        Ok(())
    }

    /// The store, as its URL names it.
    pub(crate) fn url(&self) -> &StoreUrl {
        &self.url
    }

    /// How often connections were replaced, on all runtimes.
    pub(crate) fn replacements(&self) -> u64 {
        self.replacements.load(Ordering::Relaxed)
    }

    /// How many replicas the primary of a slot should have, see [`Primary`].
    pub(crate) async fn listed_replicas(&self, slot: u16) -> RedisResult<Option<u32>> {
        Ok(self.topology.primary(slot).await?.replicas)
    }

    /// The batch key of a slot: according to the last map, one primary serves all slots with the same key.
    pub(crate) fn batch_key(&self, slot: u16) -> usize {
        if self.url.kind != TopologyKind::Cluster {
            return 0;
        }
        self.topology.last_map().and_then(|map| map.place(slot)).unwrap_or(0)
    }

    /// Performs an operation in a single attempt.
    pub(crate) async fn once<O: Operation<SharedConnection>>(
        &self,
        slot: u16,
        operation: &O,
    ) -> RedisResult<O::Output> {
        self.router().attempt(slot, None, operation).await.map_err(|failed| failed.error)
    }

    /// Performs an operation at the primary of a slot, by the deadline; see [`Router::run`].
    pub(crate) async fn on_primary<O: Operation<SharedConnection>>(
        &self,
        slot: u16,
        operation: &O,
        until: tokio::time::Instant,
    ) -> Result<RedisResult<O::Output>, Elapsed> {
        let mut failed = None;
        // Usually a server answers at once. Its connection has a limit for each reply, so another timer is not needed.
        if self.is_open(slot) {
            match self.router().attempt(slot, None, operation).await {
                Ok(output) => return Ok(Ok(output)),
                Err(failure) => failed = Some(failure),
            }
        }
        // Boxed: it is large, and would be moved with every call.
        Box::pin(self.router().run(slot, operation, until, failed)).await
    }

    fn router(&self) -> Router<'_, Self> {
        Router { topology: &self.topology, connector: self }
    }

    fn is_open(&self, slot: u16) -> bool {
        let Some(primary) = self.topology.last_primary(slot) else { return false };
        let links = self.links.read().unwrap_or_else(PoisonError::into_inner);
        links.get(&primary.address).is_some_and(|link| link.is_open())
    }

    fn link(&self, address: &Address) -> Arc<Link> {
        let found = self.links.read().unwrap_or_else(PoisonError::into_inner).get(address).cloned();
        found.unwrap_or_else(|| {
            let mut links = self.links_to_change();
            // Drop the links to servers that have left, but not a link that a caller holds: it is about to be opened.
            let is_kept =
                |link: &Arc<Link>| link.is_open() || link.is_held_back() || Arc::strong_count(link) > 1;
            links.retain(|_, link| is_kept(link));
            let link = || Arc::new(Link::new(address.clone(), self.me.clone() as Weak<dyn Owner>));
            links.entry(address.clone()).or_insert_with(link).clone()
        })
    }

    pub(super) fn links_to_change(&self) -> RwLockWriteGuard<'_, HashMap<Address, Arc<Link>>> {
        self.links.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) async fn open_to(&self, address: &Address) -> RedisResult<MultiplexedConnection> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(self.limits.connect))
            .set_response_timeout(Some(self.limits.response));
        let client = Client::open(self.url.server(address)?)?;
        client.get_multiplexed_async_connection_with_config(&config).await
    }

    pub(super) fn note_replacement(&self, server: &Address) {
        self.replacements.fetch_add(1, Ordering::Relaxed);
        if self.replaced.is_due() {
            // Without a number, so that repeated warnings are the same and can be suppressed.
            tracing::warn!(store = %self.url, %server, "replaced the connection that validations share");
        }
    }
}

impl Connector for SharedConnections {
    type Connection = Handle;

    const LONGEST_PAUSE: Duration = Duration::from_millis(20);
    const ASKS_SILENT_SERVERS_AGAIN: bool = false;

    /// The last map is good enough until it is wrong: then a server redirects.
    async fn primary(&self, slot: u16) -> RedisResult<Arc<Primary>> {
        match self.topology.last_primary(slot) {
            Some(primary) => Ok(primary),
            None => self.topology.primary(slot).await,
        }
    }

    async fn connect(&self, address: &Address) -> RedisResult<Handle> {
        let link = self.link(address);
        match link.handle() {
            Some(handle) => Ok(handle),
            None => Box::pin(link.connect(|| self.open_to(address))).await,
        }
    }

    fn succeeded(&self, handle: Handle) {
        handle.succeed();
    }

    fn failed(&self, _: &Address, handle: Handle, error: &RedisError) -> bool {
        let link = handle.link.clone();
        let demoted = is_demoted(error);
        if !demoted && !is_lost(error) {
            // A server that refuses a command works. For any other error, dropping the handle records the failure.
            if matches!(error.kind(), ErrorKind::Server(_) | ErrorKind::Extension) {
                handle.succeed();
            }
            return false;
        }
        let replaces = !demoted || !link.is_held_back();
        if replaces && link.discard(handle.generation) {
            self.note_replacement(&link.address);
        }
        handle.settle();
        replaces
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(port: u16) -> Address {
        Address::parse(&format!("127.0.0.1:{port}")).unwrap()
    }

    fn unconnected() -> Arc<SharedConnections> {
        let url = StoreUrl::parse("redis://127.0.0.1:1", None).unwrap();
        let limit = Duration::from_secs(1);
        let limits = Limits { connect: limit, response: limit, operation: limit, pool_size: 1 };
        SharedConnections::unconnected(Arc::new(Topology::new(Arc::new(url), limit)), limits, Arc::default())
    }

    #[test]
    fn a_link_that_a_caller_is_opening_is_not_dropped() {
        let shared = unconnected();
        let opening = shared.link(&address(1));
        let _other = shared.link(&address(2));
        assert!(Arc::ptr_eq(&opening, &shared.link(&address(1))));
    }

    #[test]
    fn a_link_that_no_caller_holds_and_is_not_open_is_dropped() {
        let shared = unconnected();
        drop(shared.link(&address(1)));
        let _other = shared.link(&address(2));
        assert_eq!(shared.links_to_change().keys().collect::<Vec<_>>(), [&address(2)]);
    }
}
