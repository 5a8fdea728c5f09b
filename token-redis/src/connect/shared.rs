//! The connection that all validations share, and the watchdog that replaces it.
//!
//! Many callers, one socket for each server, nobody waits for a turn. A connection to one server is replaced as soon as
//! it is lost. The cluster client mends lost connections itself, but it never looks for another server while calls time
//! out: a primary that hangs stays in its map after a replica has taken over, and with tokio 1.54 a slot refresh can
//! hang for ever (redis-rs 1.8). So a connection on which calls to one server have failed for [`PATIENCE`] is replaced as a
//! whole.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex as StdMutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::cluster::ClusterClient;
use redis::cluster_async;
use redis::{
    AsyncConnectionConfig, Client, Cmd, ErrorKind, Pipeline, ProtocolVersion, RedisError, RedisFuture,
    RedisResult, RetryMethod, ServerErrorKind, Value,
};
use tokio::sync::Mutex;
use tokio::time::error::Elapsed;

use super::backoff::Backoff;
use super::primaries::is_demoted;
use super::quiet::Quiet;
use super::seldom::Seldom;
use super::target::{Address, Shape, Target, tcp_settings};
use super::topology::Topology;
use super::tries::Tries;
use crate::options::Options;
use crate::scripts::Call;
use crate::trouble::is_temporary;

/// How long calls to one server may fail without a success before the connection is replaced.
const PATIENCE: Duration = Duration::from_millis(900);

/// Between two tries while a cluster fails over.
const PAUSE: Duration = Duration::from_millis(20);

/// A connection that others use at the same time.
#[derive(Clone)]
pub(crate) enum Link {
    /// To one server.
    Single(MultiplexedConnection),
    /// To all nodes of a cluster.
    Cluster(cluster_async::ClusterConnection<Quiet>),
}

/// The shared connection.
pub(crate) struct Shared {
    target: Arc<Target>,
    topology: Topology,
    options: Options,
    current: RwLock<Current>,
    /// Held by whoever builds the next connection.
    building: Mutex<()>,
    backoff: Backoff,
    /// The warnings about a replacement, and about one that failed.
    replaced: Seldom,
    stuck: Seldom,
    failing: Failing,
    /// How often it was replaced, or one [beside](Self::beside) it.
    swaps: Arc<AtomicU64>,
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
        Self::begin(target, options, Arc::default()).await
    }

    /// Another connection to the same store, which lives on the runtime that this is called on.
    pub(crate) async fn beside(&self) -> RedisResult<Self> {
        Self::begin(self.target.clone(), &self.options, self.swaps.clone()).await
    }

    async fn begin(target: Arc<Target>, options: &Options, swaps: Arc<AtomicU64>) -> RedisResult<Self> {
        let topology = Topology::new(target.clone(), options.connect_timeout);
        let link = connect(&target, &topology, options).await?;
        Ok(Self {
            target,
            topology,
            options: options.clone(),
            current: RwLock::new(Current { link, generation: 0 }),
            building: Mutex::default(),
            backoff: Backoff::default(),
            replaced: Seldom::default(),
            stuck: Seldom::default(),
            failing: Failing::default(),
            swaps,
        })
    }

    /// Whether it is to a Redis Cluster.
    pub(crate) fn is_cluster(&self) -> bool {
        self.target.shape == Shape::Cluster
    }

    /// How many replicas the primary of a slot should have, as [`Home`](super::Home) says.
    pub(crate) async fn listed_replicas(&self, slot: u16) -> RedisResult<Option<u32>> {
        Ok(self.topology.home(slot).await?.replicas)
    }

    /// Calls a script once, whatever comes of it.
    pub(crate) async fn once(&self, call: &Call) -> RedisResult<Value> {
        let mut current = self.current();
        call.send(&mut current.link).await
    }

    /// The store, as it is shown to people.
    pub(crate) fn store(&self) -> &Target {
        &self.target
    }

    /// Whether it is over TLS.
    pub(crate) fn is_secure(&self) -> bool {
        self.target.certificates().is_some()
    }

    /// How often the connection was replaced, and those beside it.
    pub(crate) fn swaps(&self) -> u64 {
        self.swaps.load(Ordering::Relaxed)
    }

    /// Calls a script over the shared connection; again over the next one when this one is lost, and while the server says
    /// that it is not ready. At the deadline it ends with the last failure, if there was one.
    pub(crate) async fn call_until(
        self: &Arc<Self>,
        slot: u16,
        call: &Call,
        until: tokio::time::Instant,
    ) -> Result<RedisResult<Value>, Elapsed> {
        // Mostly one server answers at once: its connection bounds each answer by itself, and one timer is enough.
        if let Link::Single(mut link) = self.current().link {
            let mut attempt = Attempt { shared: self, slot, settled: false };
            let result = call.send(&mut link).await;
            if !result.as_ref().is_err_and(|error| self.is_lost(error) || is_temporary(error)) {
                attempt.settle(result.as_ref().map_or_else(is_answer, |_| true));
                return Ok(result);
            }
            attempt.settled = true;
        }
        // In a box: it is large, and would be moved about with every call.
        Box::pin(self.call(slot, call, until)).await
    }

    async fn call(
        self: &Arc<Self>,
        slot: u16,
        call: &Call,
        until: tokio::time::Instant,
    ) -> Result<RedisResult<Value>, Elapsed> {
        // A caller that is given up at its deadline counts as a failure, too.
        let mut attempt = Attempt { shared: self, slot, settled: false };
        let mut tries = Tries::until(until);
        let mut demoted = false;
        loop {
            let mut current = self.current();
            let error = match tries.step(call.send(&mut current.link)).await {
                Ok(Ok(value)) => {
                    attempt.settle(true);
                    return Ok(Ok(value));
                }
                Ok(Err(error)) => error,
                Err(elapsed) => return tries.end(elapsed),
            };
            let lost = self.is_lost(&error);
            if !lost && (!self.passes_by(&error) || is_half_moved(&error, call)) {
                attempt.settle(is_answer(&error));
                return Ok(Err(error));
            }
            // Another server may have taken its address, which a new connection leads to; if not, it stays a replica.
            if self.target.shape == Shape::Single
                && is_demoted(&error)
                && (std::mem::replace(&mut demoted, true) || self.is_held_back(current.generation))
            {
                attempt.settle(true);
                return Ok(Err(error));
            }
            let recovering = async {
                if lost {
                    self.replace(current.generation).await?;
                } else {
                    self.failed_in_passing(slot);
                    tokio::time::sleep(PAUSE).await;
                }
                Ok(())
            };
            match tries.step(recovering).await {
                Ok(Ok(())) => tries.failed(error),
                Ok(Err(error)) => return Ok(Err(error)),
                Err(elapsed) => {
                    tries.failed(error);
                    return tries.end(elapsed);
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
        is_temporary(error)
            || self.target.shape == Shape::Cluster
                && !error.is_timeout()
                && !matches!(error.retry_method(), RetryMethod::NoRetry)
    }

    /// One server that stands alone is not replaced by another one, whatever it says.
    fn failed_in_passing(self: &Arc<Self>, slot: u16) {
        if self.target.shape != Shape::Single {
            self.failed(slot);
        }
    }

    /// Replaces the connection of that generation; waits when somebody else is about it.
    async fn replace(&self, generation: u64) -> RedisResult<()> {
        let _building = self.building.lock().await;
        if self.current().generation != generation {
            return Ok(());
        }
        let link = loop {
            let wait = self.backoff.wait();
            // A server that could not be reached a moment ago is not asked again for each caller.
            if !wait.is_zero()
                && self.target.shape == Shape::Single
                && let Some(error) = self.backoff.failure()
            {
                return Err(error);
            }
            tokio::time::sleep(wait).await;
            self.backoff.begin();
            self.topology.forget();
            match connect(&self.target, &self.topology, &self.options).await {
                Ok(link) => break link,
                Err(error) => {
                    self.backoff.failed(&error);
                    // With sentinels, another server may be named in a moment.
                    if !matches!(self.target.shape, Shape::Sentinel { .. }) || is_refusal(&error) {
                        return Err(error);
                    }
                }
            }
        };
        let generation = generation + 1;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Current { link, generation };
        self.swaps.fetch_add(1, Ordering::Relaxed);
        if self.replaced.is_due() {
            // Without a number: each warning would look like another cause.
            tracing::warn!(store = %self.target, "replaced the connection that validations share");
        }
        Ok(())
    }

    /// Whether the connection of that generation is new and may not be replaced yet.
    fn is_held_back(&self, generation: u64) -> bool {
        self.current().generation == generation && !self.backoff.wait().is_zero()
    }

    fn succeeded(&self, slot: u16) {
        self.failing.clear(|| self.topology.last_home(slot));
    }

    fn failed(self: &Arc<Self>, slot: u16) {
        if self.failing.note(self.topology.last_home(slot)) >= PATIENCE {
            self.failing.clear_all();
            self.replace_in_the_background();
        }
    }

    fn replace_in_the_background(self: &Arc<Self>) {
        let shared = self.clone();
        // A caller may have been dropped with its runtime.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        runtime.spawn(async move {
            let generation = shared.current().generation;
            let replacing = tokio::time::timeout(shared.options.deadline, shared.replace(generation));
            if !matches!(replacing.await, Ok(Ok(()))) && shared.stuck.is_due() {
                tracing::warn!(store = %shared.target, "could not replace the connection that validations share");
            }
        });
    }
}

/// Since when calls to which server have failed without a success. Servers and not slots: one that hangs among many that
/// are well is noticed as soon, whichever of its slots are asked for.
#[derive(Default)]
struct Failing {
    /// Whether there is any: all that a success has to look at, mostly.
    any: AtomicBool,
    since: StdMutex<HashMap<Option<Address>, Instant>>,
}

impl Failing {
    /// Notes a failure; answers how long it has been so.
    fn note(&self, server: Option<Address>) -> Duration {
        let mut since = self.since.lock().unwrap_or_else(PoisonError::into_inner);
        self.any.store(true, Ordering::Relaxed);
        since.entry(server).or_insert_with(Instant::now).elapsed()
    }

    /// Notes a success.
    fn clear(&self, server: impl FnOnce() -> Option<Address>) {
        if self.any.load(Ordering::Relaxed) {
            let mut since = self.since.lock().unwrap_or_else(PoisonError::into_inner);
            since.remove(&server());
            self.any.store(!since.is_empty(), Ordering::Relaxed);
        }
    }

    fn clear_all(&self) {
        self.since.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.any.store(false, Ordering::Relaxed);
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

/// Whether a call about several keys was refused since some have moved to another node already: then each has to be asked
/// about alone.
pub(crate) fn is_half_moved(error: &RedisError, call: &Call) -> bool {
    call.keys.len() > 1 && error.kind() == ErrorKind::Server(ServerErrorKind::TryAgain)
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
        let client = cluster_client(target, &nodes, options)?;
        return client.get_async_generic_connection().await.map(Link::Cluster);
    }
    // A call is sent twice at most before its deadline is looked at: see `Shared::call_until`.
    let limit = options.response_timeout.min(options.validate_deadline / 2);
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(options.connect_timeout))
        .set_response_timeout(Some(limit));
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
        // Few: `Shared::call` tries on by itself, and should learn why another try is needed.
        .retries(3)
        .min_retry_wait(20)
        .max_retry_wait(300)
        .tcp_settings(tcp_settings())
        .use_protocol(ProtocolVersion::RESP3);
    if let Some(certificates) = target.certificates() {
        builder = builder.certs(certificates.clone());
    }
    builder.build()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(port: u16) -> Option<Address> {
        Some(Address::Tcp("h".into(), port))
    }

    /// A cluster may have more primaries than slots could be grouped for.
    #[test]
    fn a_server_that_is_well_does_not_excuse_another_one() {
        let failing = Failing::default();
        let since = || failing.since.lock().unwrap().get(&server(1)).copied();
        failing.note(server(1));
        let began = since();
        failing.clear(|| server(2));
        failing.note(server(1));
        assert!(began.is_some() && since() == began, "it has been failing all the time");
        failing.clear(|| server(1));
        assert!(since().is_none() && !failing.any.load(Ordering::Relaxed), "its own success excuses it");
    }
}
