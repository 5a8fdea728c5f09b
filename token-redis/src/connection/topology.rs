//! Which server is the primary of a slot, and how many replicas it should have.

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};
use std::time::{Duration, Instant};

use redis::{ErrorKind, RedisError, RedisResult};
use tokio::sync::Mutex;

use super::look::Look;
use super::slot_map::{Primary, SlotMap};
use super::store_url::{Address, StoreUrl, TopologyKind};

/// The topology of a deployment, read again when it was wrong or is too old.
pub(crate) struct Topology {
    url: Arc<StoreUrl>,
    connect_timeout: Duration,
    known: RwLock<Known>,
    /// Held by the caller that reads.
    reading: Mutex<()>,
}

/// The maximum age of a map that determines confirmations: a change must also wait for a replica that has joined.
const FRESH: Duration = Duration::from_secs(1);

/// The pause between two reads, however many callers find the map wrong.
const PAUSE: Duration = Duration::from_millis(10);

#[derive(Default)]
struct Known {
    /// The map that was read last.
    map: Option<Arc<SlotMap>>,
    /// When that read started, unless the map was wrong since.
    read_at: Option<Instant>,
    /// The servers to ask first: the one that answered last, then all nodes that it listed.
    nodes: Vec<Address>,
}

/// Which server to ask for the topology, or to avoid, after an error.
#[derive(Clone, Debug)]
pub(super) enum Hint {
    /// This server has it: another one has redirected us there.
    Ask(Address),
    /// This server has failed: ask it last.
    Avoid(Address),
}

impl Topology {
    pub(crate) fn new(url: Arc<StoreUrl>, connect_timeout: Duration) -> Self {
        Self { url, connect_timeout, known: RwLock::default(), reading: Mutex::default() }
    }

    /// The URL of the store.
    pub(crate) fn url(&self) -> &Arc<StoreUrl> {
        &self.url
    }

    /// The kind of topology.
    pub(super) fn kind(&self) -> &TopologyKind {
        &self.url.kind
    }

    /// The primary of a slot, from a map that is at most as old as [`FRESH`].
    pub(crate) async fn primary(&self, slot: u16) -> RedisResult<Arc<Primary>> {
        let map = self.map().await?;
        map.primary(slot).cloned().ok_or_else(|| {
            self.forget();
            RedisError::from((ErrorKind::ClusterConnectionNotFound, "no primary serves the slot"))
        })
    }

    /// The primary of a slot in the last map, however old. Asks no server.
    pub(super) fn last_primary(&self, slot: u16) -> Option<Arc<Primary>> {
        self.known().map.as_ref()?.primary(slot).cloned()
    }

    /// The last map, however old.
    pub(super) fn last_map(&self) -> Option<Arc<SlotMap>> {
        self.known().map.clone()
    }

    /// The map was wrong: the next caller reads it again.
    pub(crate) fn forget(&self) {
        self.known.write().unwrap_or_else(PoisonError::into_inner).read_at = None;
    }

    /// The map, which is at most as old as [`FRESH`].
    pub(crate) async fn map(&self) -> RedisResult<Arc<SlotMap>> {
        let fresh = |read_at: Instant| read_at.elapsed() < FRESH;
        match self.known_if(fresh) {
            Some(map) => Ok(map),
            None => self.read_unless(fresh).await,
        }
    }

    /// A map whose read started after `since`, or a moment ago.
    pub(super) async fn map_since(&self, since: Instant, hint: Option<Hint>) -> RedisResult<Arc<SlotMap>> {
        if let Some(hint) = hint {
            self.take(hint);
        }
        self.read_unless(|read_at| read_at > since || read_at.elapsed() < PAUSE).await
    }

    /// Reads the map; concurrent callers wait for the same read.
    async fn read_unless(&self, is_good: impl Fn(Instant) -> bool) -> RedisResult<Arc<SlotMap>> {
        let _reading = self.reading.lock().await;
        // Another caller may have read it meanwhile.
        if let Some(map) = self.known_if(is_good) {
            return Ok(map);
        }
        let began = Instant::now();
        let look = Look { url: &self.url, limit: self.connect_timeout };
        let found = look.at(self.nodes()).await?;
        let map = Arc::new(found.map);
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        (known.map, known.read_at, known.nodes) = (Some(map.clone()), Some(began), found.nodes);
        Ok(map)
    }

    /// The servers to ask about the deployment, the most promising first: nodes that the URL names may have left long ago.
    fn nodes(&self) -> Vec<Address> {
        let mut nodes = self.known().nodes.clone();
        let named: Vec<_> = self.url.named.iter().filter(|named| !nodes.contains(named)).cloned().collect();
        nodes.extend(named);
        nodes
    }

    /// Applies the hint. Only in a cluster do the servers that keep tokens know the topology.
    fn take(&self, hint: Hint) {
        if self.url.kind != TopologyKind::Cluster {
            return;
        }
        let mut nodes = self.nodes();
        match hint {
            Hint::Ask(address) => {
                nodes.retain(|node| *node != address);
                nodes.insert(0, address);
            }
            Hint::Avoid(address) => {
                nodes.retain(|node| *node != address);
                nodes.push(address);
            }
        }
        self.known.write().unwrap_or_else(PoisonError::into_inner).nodes = nodes;
    }

    fn known_if(&self, is_good: impl Fn(Instant) -> bool) -> Option<Arc<SlotMap>> {
        let known = self.known();
        known.map.clone().filter(|_| known.read_at.is_some_and(is_good))
    }

    fn known(&self) -> RwLockReadGuard<'_, Known> {
        self.known.read().unwrap_or_else(PoisonError::into_inner)
    }
}
