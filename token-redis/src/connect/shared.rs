//! The connection that all validations share, and the watchdog that replaces it.
//!
//! Many callers, one socket for each server, nobody waits for a turn. A connection to one server is replaced as soon as
//! it is lost. The cluster client mends lost connections itself, but it never looks for another server while calls time
//! out: a primary that hangs stays in its map after a replica has taken over, and with tokio 1.54 a slot refresh can
//! hang for ever (redis-rs 1.8). So a cluster connection on which some slots have failed for [`PATIENCE`] is replaced as
//! a whole.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::cluster::ClusterClient;
use redis::cluster_async::ClusterConnection;
use redis::{
    AsyncConnectionConfig, Client, Cmd, ErrorKind, Pipeline, ProtocolVersion, RedisError, RedisFuture,
    RedisResult, RetryMethod, Value,
};
use tokio::sync::Mutex;

use super::primaries::is_demoted;
use super::target::{Address, Shape, Target, tcp_settings};
use super::topology::Topology;
use crate::options::Options;
use crate::scripts::Call;

/// How long the slots of a group may fail without a success before the connection is replaced.
const PATIENCE: Duration = Duration::from_millis(900);

/// Between two tries while a cluster fails over.
const PAUSE: Duration = Duration::from_millis(20);

/// Neighbouring slots mostly have one home: failures are counted for groups of 1 024.
const GROUPS: usize = 16;

/// A connection that others use at the same time.
#[derive(Clone)]
pub(crate) enum Link {
    /// To one server.
    Single(MultiplexedConnection),
    /// To all nodes of a cluster.
    Cluster(ClusterConnection),
}

/// The shared connection.
pub(crate) struct Shared {
    target: Arc<Target>,
    topology: Topology,
    options: Options,
    current: RwLock<Current>,
    /// Held by whoever builds the next connection.
    building: Mutex<()>,
    /// When each group of slots began to fail, in milliseconds since `born`, plus one; 0 while it does not.
    failing: [AtomicU64; GROUPS],
    born: Instant,
}

#[derive(Clone)]
struct Current {
    link: Link,
    /// How many came before it.
    generation: u64,
}

impl Shared {
    /// Connects.
    pub(crate) async fn open(target: Arc<Target>, options: &Options) -> RedisResult<Self> {
        let topology = Topology::new(target.clone(), options.connect_timeout);
        let link = connect(&target, &topology, options).await?;
        Ok(Self {
            target,
            topology,
            options: options.clone(),
            current: RwLock::new(Current { link, generation: 0 }),
            building: Mutex::default(),
            failing: Default::default(),
            born: Instant::now(),
        })
    }

    /// How often the connection was replaced.
    pub(crate) fn swaps(&self) -> u64 {
        self.current().generation
    }

    /// Calls a script over the shared connection; again over the next one when this one is lost. The caller bounds all of
    /// it by a deadline.
    pub(crate) async fn call(self: &Arc<Self>, slot: u16, call: &Call) -> RedisResult<Value> {
        // A caller that is given up at its deadline counts as a failure, too.
        let mut attempt = Attempt { shared: self, slot, settled: false };
        loop {
            let mut current = self.current();
            match call.send(&mut current.link).await {
                Err(error) if self.is_lost(&error) => {
                    self.replace(current.generation).await?;
                    // With a server that accepts and at once closes, this loop would spin.
                    tokio::task::yield_now().await;
                }
                Err(error) if self.passes_by(&error) => {
                    self.failed(slot);
                    tokio::time::sleep(PAUSE).await;
                }
                result => {
                    attempt.settle(result.as_ref().map_or_else(is_answer, |_| true));
                    return result;
                }
            }
        }
    }

    fn current(&self) -> Current {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether the connection is of no more use to anybody. The cluster client mends its own.
    fn is_lost(&self, error: &RedisError) -> bool {
        self.target.shape != Shape::Cluster
            && (error.is_unrecoverable_error() && !is_refusal(error) || is_demoted(error))
    }

    /// Whether another try may help soon, and the cluster client has given up trying: it does not wait before it tries a
    /// node again that refuses connections, so all its tries are used up long before a failover is over, and whoever asks
    /// would even be shown redirections to nodes that are gone.
    fn passes_by(&self, error: &RedisError) -> bool {
        self.target.shape == Shape::Cluster
            && !error.is_timeout()
            && !matches!(error.retry_method(), RetryMethod::NoRetry)
    }

    /// Replaces the connection of that generation; waits when somebody else is about it.
    async fn replace(&self, generation: u64) -> RedisResult<()> {
        let _building = self.building.lock().await;
        if self.swaps() != generation {
            return Ok(());
        }
        let link = loop {
            self.topology.forget();
            match connect(&self.target, &self.topology, &self.options).await {
                Ok(link) => break link,
                // With sentinels, another server may be named in a moment.
                Err(error) if matches!(self.target.shape, Shape::Sentinel { .. }) && !is_refusal(&error) => {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                Err(error) => return Err(error),
            }
        };
        let generation = generation + 1;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Current { link, generation };
        tracing::warn!(store = %self.target, swaps = generation, "replaced the connection that validations share");
        Ok(())
    }

    fn succeeded(&self, slot: u16) {
        if let Some(failing) = self.group(slot)
            && failing.load(Ordering::Relaxed) != 0
        {
            failing.store(0, Ordering::Relaxed);
        }
    }

    fn failed(self: &Arc<Self>, slot: u16) {
        let now = u64::try_from(self.born.elapsed().as_millis()).unwrap_or(u64::MAX).saturating_add(1);
        let Some(failing) = self.group(slot) else { return };
        match failing.compare_exchange(0, now, Ordering::Relaxed, Ordering::Relaxed) {
            Err(since) if u128::from(now.saturating_sub(since)) >= PATIENCE.as_millis() => {
                self.failing.iter().for_each(|group| group.store(0, Ordering::Relaxed));
                self.replace_in_the_background();
            }
            _ => {}
        }
    }

    fn replace_in_the_background(self: &Arc<Self>) {
        let shared = self.clone();
        tokio::spawn(async move {
            let generation = shared.swaps();
            let replacing = tokio::time::timeout(shared.options.deadline, shared.replace(generation));
            if !matches!(replacing.await, Ok(Ok(()))) {
                tracing::warn!(store = %shared.target, "could not replace the connection that validations share");
            }
        });
    }

    fn group(&self, slot: u16) -> Option<&AtomicU64> {
        self.failing.get(usize::from(slot) * GROUPS / 16_384)
    }
}

impl ConnectionLike for Link {
    fn req_packed_command<'a>(&'a mut self, command: &'a Cmd) -> RedisFuture<'a, Value> {
        match self {
            Self::Single(connection) => connection.req_packed_command(command),
            Self::Cluster(connection) => connection.req_packed_command(command),
        }
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        match self {
            Self::Single(connection) => connection.req_packed_commands(pipeline, offset, count),
            Self::Cluster(connection) => connection.req_packed_commands(pipeline, offset, count),
        }
    }

    fn get_db(&self) -> i64 {
        match self {
            Self::Single(connection) => connection.get_db(),
            Self::Cluster(_) => 0,
        }
    }
}

/// Tells the watchdog how one call ended: also when its caller gives it up.
struct Attempt<'a> {
    shared: &'a Arc<Shared>,
    slot: u16,
    settled: bool,
}

impl Attempt<'_> {
    fn settle(&mut self, answered: bool) {
        self.settled = true;
        if answered { self.shared.succeeded(self.slot) } else { self.shared.failed(self.slot) }
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        if !self.settled {
            self.shared.failed(self.slot);
        }
    }
}

/// Whether the server understood and said no: then the connection is fine.
fn is_answer(error: &RedisError) -> bool {
    matches!(error.kind(), ErrorKind::Server(_) | ErrorKind::Extension) && !error.is_cluster_error()
}

/// Whether the server turned us away for good: another try would be turned away as well.
fn is_refusal(error: &RedisError) -> bool {
    error.kind() == ErrorKind::AuthenticationFailed
        || matches!(error.code(), Some("WRONGPASS" | "NOAUTH" | "NOPERM"))
}

async fn connect(target: &Target, topology: &Topology, options: &Options) -> RedisResult<Link> {
    // What is wrong with a server is told best by the server itself; the cluster client only says that it found none.
    let home = topology.home(0).await?;
    if target.shape == Shape::Cluster {
        let nodes = topology.nodes();
        return cluster_client(target, &nodes, options)?.get_async_connection().await.map(Link::Cluster);
    }
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(options.connect_timeout))
        .set_response_timeout(Some(options.response_timeout));
    let client = Client::open(target.server(&home.address)?)?;
    client.get_multiplexed_async_connection_with_config(&config).await.map(Link::Single)
}

/// A client whose calls end by the deadline of a validation, whatever redirections and retries they take until then.
fn cluster_client(target: &Target, nodes: &[Address], options: &Options) -> RedisResult<ClusterClient> {
    let nodes = nodes.iter().map(|node| target.server(node)).collect::<RedisResult<Vec<_>>>()?;
    let mut builder = ClusterClient::builder(nodes)
        .connection_timeout(options.connect_timeout)
        .response_timeout(options.response_timeout)
        .overall_response_timeout(Some(options.validate_deadline))
        .retries(8)
        .min_retry_wait(20)
        .max_retry_wait(300)
        .tcp_settings(tcp_settings())
        .use_protocol(ProtocolVersion::RESP3);
    if let Some(certificates) = target.certificates() {
        builder = builder.certs(certificates.clone());
    }
    builder.build()
}
