//! The ways to a server.
//!
//! Validations share multiplexed connections: many callers, one socket for each node, no waiting for a turn. Everything
//! else takes a connection of its own from a pool.

mod pool;
mod url;

use redis::aio::{ConnectionLike, ConnectionManager, ConnectionManagerConfig};
use redis::cluster::ClusterClient;
use redis::cluster_async::ClusterConnection;
use redis::{
    Client, Cmd, ConnectionInfo, Pipeline, ProtocolVersion, RedisError, RedisFuture, RedisResult, Value,
};
use std::time::Duration;

use self::pool::{ClusterManager, Pool};
pub(crate) use self::url::{Endpoint, Target};
use crate::options::Options;

/// The connections of one store.
pub(crate) struct Connections {
    shared: Shared,
    pool: Pool,
}

#[derive(Clone)]
enum Shared {
    Single(ConnectionManager),
    Cluster(ClusterConnection),
}

impl Connections {
    /// Connects; fails when no node answers.
    pub(crate) async fn open(endpoint: &Endpoint, options: &Options) -> RedisResult<Self> {
        let shared = match endpoint {
            Endpoint::Single(info) => Shared::Single(manager(info, options).await?),
            Endpoint::Cluster(nodes) => Shared::Cluster(
                cluster_client(nodes, options, options.validate_deadline)?.get_async_connection().await?,
            ),
        };
        Ok(Self { shared, pool: Pool::new(endpoint, options)? })
    }

    /// The connection that validations share.
    pub(crate) fn shared(&self) -> Link {
        match &self.shared {
            Shared::Single(manager) => Link::Single(manager.clone()),
            Shared::Cluster(connection) => Link::Cluster(connection.clone()),
        }
    }

    /// A connection of one's own.
    pub(crate) async fn own(&self) -> Result<Link, deadpool::managed::PoolError<RedisError>> {
        self.pool.get().await
    }
}

/// One socket that many share and that mends itself.
async fn manager(info: &ConnectionInfo, options: &Options) -> RedisResult<ConnectionManager> {
    let config = ConnectionManagerConfig::new()
        .set_connection_timeout(Some(options.connect_timeout))
        .set_response_timeout(Some(options.response_timeout))
        .set_min_delay(Duration::from_millis(20))
        .set_max_delay(Duration::from_millis(300))
        .set_number_of_retries(4);
    ConnectionManager::new_with_config(Client::open(info.clone())?, config).await
}

/// A client whose calls end by `deadline`, whatever redirections and retries they take until then.
fn cluster_client(
    nodes: &[ConnectionInfo],
    options: &Options,
    deadline: Duration,
) -> RedisResult<ClusterClient> {
    ClusterClient::builder(nodes.iter().cloned())
        .connection_timeout(options.connect_timeout)
        .response_timeout(options.response_timeout)
        .overall_response_timeout(Some(deadline))
        .retries(8)
        .min_retry_wait(20)
        .max_retry_wait(300)
        .tcp_settings(url::tcp_settings())
        .use_protocol(ProtocolVersion::RESP3)
        .build()
}

/// A connection to wherever the keys of a command live.
pub(crate) enum Link {
    Single(ConnectionManager),
    Cluster(ClusterConnection),
    Pooled(deadpool_redis::Connection),
    PooledCluster(deadpool::managed::Object<ClusterManager>),
}

impl Link {
    /// The connection, when it is one to a cluster.
    pub(crate) fn cluster(&mut self) -> Option<&mut ClusterConnection> {
        match self {
            Self::Cluster(connection) => Some(connection),
            Self::PooledCluster(connection) => Some(connection),
            Self::Single(_) | Self::Pooled(_) => None,
        }
    }

    fn connection(&mut self) -> &mut (dyn ConnectionLike + Send) {
        match self {
            Self::Single(connection) => connection,
            Self::Cluster(connection) => connection,
            Self::Pooled(connection) => connection,
            Self::PooledCluster(connection) => &mut **connection,
        }
    }
}

impl ConnectionLike for Link {
    fn req_packed_command<'a>(&'a mut self, command: &'a Cmd) -> RedisFuture<'a, Value> {
        self.connection().req_packed_command(command)
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        self.connection().req_packed_commands(pipeline, offset, count)
    }

    fn get_db(&self) -> i64 {
        match self {
            Self::Single(connection) => connection.get_db(),
            Self::Pooled(connection) => connection.get_db(),
            Self::Cluster(_) | Self::PooledCluster(_) => 0,
        }
    }
}
