//! Dedicated connections to primaries, for operations that would delay others on a shared connection, and for WAIT, which
//! covers only the writes of its own connection.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use deadpool::{Runtime, Status};
use deadpool_redis::{Connection, Manager, Pool};
use redis::{AsyncConnectionConfig, RedisError, RedisResult};
use tokio::time::Instant;
use tokio::time::error::Elapsed;

use super::backoff::Backoff;
use super::limits::Limits;
use super::pool_state::PoolState;
use super::routed::{Operation, Routed};
use super::router::{Connector, Router, is_demoted};
use super::slot_map::Primary;
use super::store_url::Address;
use super::topology::Topology;

/// A connection with one user at a time.
pub(crate) type DedicatedConnection = Routed<Connection>;

/// A deadpool-redis pool for each primary that was used.
pub(crate) struct Pools {
    topology: Arc<Topology>,
    limits: Limits,
    pools: Mutex<HashMap<Address, Pool>>,
    /// When a pool that leads to a demoted server may be dropped.
    backoff: Backoff,
}

impl Pools {
    pub(crate) fn new(topology: Arc<Topology>, limits: Limits) -> Self {
        Self { topology, limits, pools: Mutex::default(), backoff: Backoff::default() }
    }

    /// Performs an operation at the primary of a slot, by the deadline; see [`Router::run`].
    pub(crate) async fn on_primary<O: Operation<DedicatedConnection>>(
        &self,
        slot: u16,
        operation: &O,
        until: Instant,
    ) -> Result<RedisResult<O::Output>, Elapsed> {
        Router { topology: &self.topology, connector: self }.run(slot, operation, until, None).await
    }

    /// All primaries.
    pub(crate) async fn primaries(&self) -> RedisResult<Vec<Arc<Primary>>> {
        Ok(self.topology.map().await?.primaries().to_vec())
    }

    /// A connection to this very server.
    pub(crate) async fn to(&self, primary: &Primary) -> RedisResult<DedicatedConnection> {
        Ok(Routed::new(self.connect(&primary.address).await?, false))
    }

    /// The current state of the pools.
    pub(crate) fn states(&self) -> Vec<PoolState> {
        let of = |(address, pool): (&Address, &Pool)| {
            let Status { max_size: max, size, available, waiting } = pool.status();
            PoolState { server: address.to_string(), size, available, waiting, max }
        };
        let mut pools: Vec<_> = self.lock().iter().map(of).collect();
        pools.sort_unstable_by(|one, other| one.server.cmp(&other.server));
        pools
    }

    fn pool(&self, address: &Address) -> RedisResult<Pool> {
        let mut pools = self.lock();
        if let Some(pool) = pools.get(address) {
            return Ok(pool.clone());
        }
        let limits = &self.limits;
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(limits.connect))
            .set_response_timeout(Some(limits.operation));
        let manager = Manager::new_with_config(self.topology.url().server(address)?, config)?;
        #[expect(
            clippy::expect_used,
            reason = "building fails only for a pool that has timeouts and no runtime"
        )]
        let pool = Pool::builder(manager)
            .max_size(limits.pool_size.max(1))
            .wait_timeout(Some(limits.operation))
            .create_timeout(Some(limits.connect))
            .recycle_timeout(Some(limits.connect))
            .runtime(Runtime::Tokio1)
            .build()
            .expect("the runtime is set");
        pools.insert(address.clone(), pool.clone());
        Ok(pool)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Address, Pool>> {
        self.pools.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Connector for Pools {
    type Connection = Connection;

    const LONGEST_PAUSE: Duration = Duration::from_millis(200);
    const ASKS_SILENT_SERVERS_AGAIN: bool = true;

    /// Uses a fresh map, because it determines how many replicas have to confirm a change.
    async fn primary(&self, slot: u16) -> RedisResult<Arc<Primary>> {
        self.topology.primary(slot).await
    }

    async fn connect(&self, address: &Address) -> RedisResult<Connection> {
        let pool = self.pool(address)?;
        pool.get().await.map_err(|error| match error {
            deadpool::managed::PoolError::Backend(error) => error,
            other => std::io::Error::new(std::io::ErrorKind::TimedOut, other).into(),
        })
    }

    /// Dropping the connection returns it to its pool.
    fn succeeded(&self, _: Connection) {}

    /// Does not return the connection to the pool: its next user would fail in the same way. For a single server, the caller
    /// gets the error of the lost connection.
    fn failed(&self, address: &Address, connection: Connection, error: &RedisError) -> bool {
        if is_demoted(error) {
            // Each new pool costs a connection, so a pool that is new itself is kept for a moment.
            if self.backoff.wait().is_zero() {
                self.backoff.begin();
                self.lock().remove(address);
            }
            return true;
        }
        if error.is_unrecoverable_error() || error.is_timeout() {
            drop(Connection::take(connection));
        }
        false
    }
}
