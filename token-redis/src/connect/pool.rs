//! Connections of one's own, for what would hold up others on a shared one.
//!
//! Standalone servers get deadpool-redis. Its cluster manager takes URLs only, without timeouts and socket options, so
//! the cluster has a manager of its own here.

use deadpool::Runtime;
use deadpool::managed::{
    Manager, Metrics, Object, Pool as ManagedPool, PoolError, RecycleError, RecycleResult,
};
use redis::cluster::ClusterClient;
use redis::cluster_async::ClusterConnection;
use redis::{AsyncConnectionConfig, RedisError, RedisResult};

use super::url::Endpoint;
use super::{Link, cluster_client};
use crate::options::Options;

pub(crate) enum Pool {
    Single(deadpool_redis::Pool),
    Cluster(ManagedPool<ClusterManager>),
}

impl Pool {
    pub(super) fn new(endpoint: &Endpoint, options: &Options) -> RedisResult<Self> {
        Ok(match endpoint {
            Endpoint::Single(info) => {
                let config = AsyncConnectionConfig::new()
                    .set_connection_timeout(Some(options.connect_timeout))
                    .set_response_timeout(Some(options.deadline));
                Self::Single(pool(deadpool_redis::Manager::new_with_config(info.clone(), config)?, options))
            }
            Endpoint::Cluster(nodes) => Self::Cluster(pool(
                ClusterManager(cluster_client(nodes, options, options.deadline)?),
                options,
            )),
        })
    }

    pub(super) async fn get(&self) -> Result<Link, PoolError<RedisError>> {
        Ok(match self {
            Self::Single(pool) => Link::Pooled(pool.get().await?),
            Self::Cluster(pool) => Link::PooledCluster(pool.get().await?),
        })
    }
}

fn pool<M, W>(manager: M, options: &Options) -> ManagedPool<M, W>
where
    M: Manager,
    W: From<Object<M>>,
{
    let building = ManagedPool::builder(manager)
        .max_size(options.pool_size.max(1))
        .wait_timeout(Some(options.deadline))
        .create_timeout(Some(options.deadline))
        .recycle_timeout(Some(options.response_timeout))
        .runtime(Runtime::Tokio1);
    #[expect(clippy::expect_used, reason = "building fails only for a pool that has timeouts and no runtime")]
    building.build().expect("the runtime is set")
}

/// Makes connections to a cluster.
pub(crate) struct ClusterManager(ClusterClient);

impl Manager for ClusterManager {
    type Type = ClusterConnection;
    type Error = RedisError;

    async fn create(&self) -> RedisResult<ClusterConnection> {
        self.0.get_async_connection().await
    }

    /// A cluster connection mends itself and asks each node anew, so age is the only thing held against it: after a
    /// minute of life its picture of the cluster is drawn again.
    async fn recycle(&self, _: &mut ClusterConnection, metrics: &Metrics) -> RecycleResult<RedisError> {
        if metrics.age() > std::time::Duration::from_secs(60) {
            return Err(RecycleError::message("older than a minute"));
        }
        Ok(())
    }
}
