//! Reads the topology once from the servers that know it.

use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use redis::aio::MultiplexedConnection;
use redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionInfo, ErrorKind, FromRedisValue, RedisError, RedisResult,
    Value,
};

use super::slot_map::{Nodes, Primary, SlotMap};
use super::store_url::{Address, StoreUrl, TopologyKind};

/// How many servers are asked at once, and how long each has before the next one is asked as well.
const AT_ONCE: usize = 8;
const HEAD_START: Duration = Duration::from_millis(50);

/// Reads the topology.
pub(super) struct Look<'a> {
    pub(super) url: &'a StoreUrl,
    /// How long connecting, and each answer, may take.
    pub(super) limit: Duration,
}

/// The topology that was read.
pub(super) struct Found {
    pub(super) map: SlotMap,
    /// The servers to ask next time.
    pub(super) nodes: Vec<Address>,
}

impl Look<'_> {
    /// Asks these servers, in this order, until one knows the topology.
    pub(super) async fn at(&self, nodes: Vec<Address>) -> RedisResult<Found> {
        match &self.url.kind {
            TopologyKind::Server => {
                let address = self.url.named.first().ok_or_else(nobody_answered)?.clone();
                Ok(Found { map: SlotMap::of_one(Primary { address, replicas: None }), nodes })
            }
            TopologyKind::Sentinel { service } => self.ask_sentinels(nodes, service).await,
            TopologyKind::Cluster => self.ask_nodes(nodes).await,
        }
    }

    /// Asks Sentinels until one knows the primary.
    async fn ask_sentinels(&self, sentinels: Vec<Address>, service: &str) -> RedisResult<Found> {
        let ask = |sentinel: Address| async move {
            let info = self.url.sentinel_server(&sentinel)?;
            let mut by_name = redis::cmd("SENTINEL");
            by_name.arg("GET-MASTER-ADDR-BY-NAME").arg(service);
            let primary: Option<(String, u16)> = self.ask(info.clone(), &by_name).await?;
            let (host, port) = primary.ok_or_else(|| {
                RedisError::from((
                    ErrorKind::MasterNameNotFoundBySentinel,
                    "the sentinel knows no such service",
                ))
            })?;
            let replicas: Vec<Value> =
                self.ask(info, redis::cmd("SENTINEL").arg("REPLICAS").arg(service)).await?;
            // A primary that Sentinels watch should have a replica, even while they have not found one yet.
            let replicas = u32::try_from(replicas.len()).unwrap_or(u32::MAX).max(1);
            let primary = Primary { address: Address::Tcp(host, port), replicas: Some(replicas) };
            Ok(Found { map: SlotMap::of_one(primary), nodes: vec![sentinel] })
        };
        first(sentinels, ask).await
    }

    /// Asks nodes until one has a complete map.
    async fn ask_nodes(&self, nodes: Vec<Address>) -> RedisResult<Found> {
        let ask = |node: Address| async move {
            let info = self.url.server(&node)?;
            let nodes: String = self.ask(info, redis::cmd("CLUSTER").arg("NODES")).await?;
            let Nodes { addresses, map } = Nodes::read(&nodes, &node);
            if map.is_empty() {
                return Err(nobody_answered());
            }
            let others = addresses.into_iter().filter(|other| *other != node);
            let nodes = std::iter::once(node.clone()).chain(others).collect();
            Ok(Found { map, nodes })
        };
        first(nodes, ask).await
    }

    /// Sends one query over a new connection.
    async fn ask<T: FromRedisValue>(&self, info: ConnectionInfo, question: &Cmd) -> RedisResult<T> {
        question.query_async(&mut open(info, self.limit).await?).await
    }
}

/// The first good answer. Asks a few servers at a time, the most promising first, and does not wait for one that hangs.
async fn first<T, F: Future<Output = RedisResult<T>>>(
    servers: Vec<Address>,
    ask: impl Fn(Address) -> F,
) -> RedisResult<T> {
    let mut last = nobody_answered();
    let mut waiting = servers.into_iter();
    let mut asked = FuturesUnordered::new();
    loop {
        while asked.len() < AT_ONCE
            && let Some(server) = waiting.next()
        {
            asked.push(ask(server));
            // The server that answered last usually answers again: ask it alone for a moment.
            match tokio::time::timeout(HEAD_START, asked.next()).await {
                Ok(Some(Ok(answer))) => return Ok(answer),
                Ok(Some(Err(error))) => last = error,
                Ok(None) | Err(_) => {}
            }
        }
        match asked.next().await {
            Some(Ok(answer)) => return Ok(answer),
            Some(Err(error)) => last = error,
            None => return Err(last),
        }
    }
}

/// A connection for a few queries. The limit applies to connecting and to each reply separately.
pub(crate) async fn open(info: ConnectionInfo, limit: Duration) -> RedisResult<MultiplexedConnection> {
    let limits =
        AsyncConnectionConfig::new().set_connection_timeout(Some(limit)).set_response_timeout(Some(limit));
    Client::open(info)?.get_multiplexed_async_connection_with_config(&limits).await
}

fn nobody_answered() -> RedisError {
    RedisError::from((
        ErrorKind::ClusterConnectionNotFound,
        "no server that the URL names could say where the primary is",
    ))
}
