//! Which server is the primary of a slot, and how many replicas it should have.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use redis::aio::MultiplexedConnection;
use redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionInfo, ErrorKind, FromRedisValue, RedisError, RedisResult,
    Value,
};
use token_core::spi::{PARTITIONS, Partition};
use tokio::sync::Mutex;

use super::members::{Member, read_members};
use super::target::{Address, Shape, Target};
use crate::keys::Namespace;

/// The primary of some slots.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Home {
    pub(crate) address: Address,
    /// How many replicas it should have: as many as the topology lists, also those that are down, and at least one in a
    /// topology that has replicas at all. `None` where nobody keeps such a list.
    pub(crate) replicas: Option<u32>,
}

/// What is known of a deployment, read anew when it proves wrong or is no longer fresh.
pub(crate) struct Topology {
    target: Arc<Target>,
    connect_timeout: Duration,
    known: RwLock<Known>,
    /// Held by whoever reads.
    reading: Mutex<()>,
}

/// How long what was read may be relied on: a replica that joined must be waited for.
const FRESH: Duration = Duration::from_secs(1);

#[derive(Default)]
struct Known {
    /// What was read last.
    map: Option<Arc<Map>>,
    /// When that was, unless it has proved wrong since.
    read_at: Option<Instant>,
    /// Whom to ask, besides those that the URL names: whoever answered last, then all nodes that it knew.
    nodes: Vec<Address>,
}

/// First and last slot, and their home.
type Map = Vec<(u16, u16, Home)>;

const LAST_SLOT: u16 = 16_383;

/// How many are asked at once, and how long each has before the next one is asked as well.
const AT_ONCE: usize = 8;
const HEAD_START: Duration = Duration::from_millis(50);

impl Topology {
    pub(crate) fn new(target: Arc<Target>, connect_timeout: Duration) -> Self {
        Self { target, connect_timeout, known: RwLock::default(), reading: Mutex::default() }
    }

    /// The home of a slot.
    pub(crate) async fn home(&self, slot: u16) -> RedisResult<Home> {
        let map = self.map().await?;
        let found = map.iter().find(|(first, last, _)| (*first..=*last).contains(&slot));
        found.map(|(.., home)| home.clone()).ok_or_else(|| {
            self.forget();
            RedisError::from((ErrorKind::ClusterConnectionNotFound, "no primary serves the slot"))
        })
    }

    /// Where a slot was at home when somebody last looked. Asks nobody.
    pub(crate) fn last_home(&self, slot: u16) -> Option<Address> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let mut ranges = known.map.as_ref()?.iter();
        ranges
            .find(|(first, last, _)| (*first..=*last).contains(&slot))
            .map(|(.., home)| home.address.clone())
    }

    /// All homes, one of each.
    pub(crate) async fn homes(&self) -> RedisResult<Vec<Home>> {
        let map = self.map().await?;
        let mut homes: Vec<Home> = Vec::new();
        for (.., home) in map.iter() {
            if !homes.contains(home) {
                homes.push(home.clone());
            }
        }
        Ok(homes)
    }

    /// The partitions of each primary.
    pub(crate) async fn partitions(&self) -> RedisResult<HashMap<Address, Vec<Partition>>> {
        let map = self.map().await?;
        let mut homes: HashMap<Address, Vec<Partition>> = HashMap::new();
        for partition in (0..PARTITIONS).filter_map(Partition::new) {
            let slot = Namespace::slot(partition);
            if let Some((.., home)) = map.iter().find(|(first, last, _)| (*first..=*last).contains(&slot)) {
                homes.entry(home.address.clone()).or_default().push(partition);
            }
        }
        Ok(homes)
    }

    /// Whom to ask about the deployment, the most promising first: nodes that the URL names may have left long ago.
    pub(crate) fn nodes(&self) -> Vec<Address> {
        let mut nodes = self.known.read().unwrap_or_else(PoisonError::into_inner).nodes.clone();
        let named = self.target.named.iter().filter(|named| !nodes.contains(named)).cloned();
        let named: Vec<_> = named.collect();
        nodes.extend(named);
        nodes
    }

    /// The map was wrong: the next look reads it anew.
    pub(crate) fn forget(&self) {
        self.known.write().unwrap_or_else(PoisonError::into_inner).read_at = None;
    }

    async fn map(&self) -> RedisResult<Arc<Map>> {
        if let Some(map) = self.fresh() {
            return Ok(map);
        }
        let _reading = self.reading.lock().await;
        // Somebody else may have read it meanwhile.
        if let Some(map) = self.fresh() {
            return Ok(map);
        }
        let map = Arc::new(self.read().await?);
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        (known.map, known.read_at) = (Some(map.clone()), Some(Instant::now()));
        Ok(map)
    }

    fn fresh(&self) -> Option<Arc<Map>> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.map.clone().filter(|_| known.read_at.is_some_and(|read_at| read_at.elapsed() < FRESH))
    }

    /// Asks whoever answered first the next time, too, and then the nodes that it knew.
    fn remember(&self, answered: &Address, others: impl IntoIterator<Item = Address>) {
        let mut nodes = vec![answered.clone()];
        nodes.extend(others.into_iter().filter(|other| other != answered));
        self.known.write().unwrap_or_else(PoisonError::into_inner).nodes = nodes;
    }

    async fn read(&self) -> RedisResult<Map> {
        let everywhere = |address: Address, replicas| vec![(0, LAST_SLOT, Home { address, replicas })];
        match &self.target.shape {
            Shape::Single => match self.target.named.first() {
                Some(address) => Ok(everywhere(address.clone(), None)),
                None => Err(nobody_answered()),
            },
            Shape::Sentinel { service } => {
                let (address, replicas) = self.ask_sentinels(service).await?;
                Ok(everywhere(address, Some(replicas)))
            }
            Shape::Cluster => self.ask_nodes().await,
        }
    }

    /// Asks sentinels until one knows the primary.
    async fn ask_sentinels(&self, service: &str) -> RedisResult<(Address, u32)> {
        self.first(|sentinel| async move {
            let info = self.target.sentinel_server(&sentinel)?;
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
            // A primary that sentinels watch should have one, also while they have not found it yet.
            let replicas = u32::try_from(replicas.len()).unwrap_or(u32::MAX).max(1);
            self.remember(&sentinel, []);
            Ok((Address::Tcp(host, port), replicas))
        })
        .await
    }

    /// Asks nodes until one has a whole map.
    async fn ask_nodes(&self) -> RedisResult<Map> {
        self.first(|node| async move {
            let info = self.target.server(&node)?;
            let nodes: String = self.ask(info, redis::cmd("CLUSTER").arg("NODES")).await?;
            let Nodes { addresses, map } = Nodes::read(&nodes, &node);
            if map.is_empty() {
                return Err(nobody_answered());
            }
            self.remember(&node, addresses);
            Ok(map)
        })
        .await
    }

    /// The first good answer, asking a few at a time, the most promising first: one that hangs is not waited for.
    async fn first<T, F: Future<Output = RedisResult<T>>>(
        &self,
        ask: impl Fn(Address) -> F,
    ) -> RedisResult<T> {
        let mut last = nobody_answered();
        let mut waiting = self.nodes().into_iter();
        let mut asked = FuturesUnordered::new();
        loop {
            while asked.len() < AT_ONCE
                && let Some(node) = waiting.next()
            {
                asked.push(ask(node));
                // Who answered last mostly answers again: give it a moment for itself.
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

    /// One question over a connection of its own.
    async fn ask<T: FromRedisValue>(&self, info: ConnectionInfo, question: &Cmd) -> RedisResult<T> {
        question.query_async(&mut open(info, self.connect_timeout).await?).await
    }
}

/// A connection for a few questions. Connecting has the limit for itself, and so has each answer.
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

/// What a node of a cluster knows of it.
#[derive(Debug, PartialEq, Eq)]
struct Nodes {
    /// All nodes but those that failed.
    addresses: Vec<Address>,
    map: Map,
}

impl Nodes {
    /// Reads the answer to CLUSTER NODES. A primary's replicas count whether they are well or not: one that comes back may be
    /// promoted.
    fn read(nodes: &str, asked: &Address) -> Self {
        let members = read_members(nodes, asked);
        let count = |follows: &dyn Fn(&&Member) -> bool| {
            u32::try_from(members.iter().filter(follows).count()).unwrap_or(u32::MAX)
        };
        let at_least = count(&|member| member.is("slave")).min(1);
        let mut read = Self { addresses: Vec::new(), map: Map::new() };
        for member in &members {
            let Some(address) = member.address.clone() else { continue };
            if member.is("master") {
                let replicas = count(&|other| other.follows.as_ref() == Some(&member.id)).max(at_least);
                let home = Home { address: address.clone(), replicas: Some(replicas) };
                read.map.extend(member.slots.iter().map(|&(first, last)| (first, last, home.clone())));
            }
            if !member.is("fail") && !member.is("noaddr") {
                read.addresses.push(address);
            }
        }
        read
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_map_has_each_primary_with_its_slots_and_all_its_replicas() {
        let nodes = "\
a1 127.0.0.1:7000@17000 myself,master - 0 1 1 connected 0-5460 7000 [93->-b2]
b2 10.0.0.2:7001@17001,host master - 0 1 2 connected 5461-6999 7001-16383
c3 127.0.0.1:7003@17003 slave a1 0 1 1 connected
d4 127.0.0.1:7004@17004 slave,fail a1 0 1 1 disconnected
e5 :7005@17005 slave b2 0 1 2 connected
f6 127.0.0.1:7006@17006 master,fail - 0 1 2 connected
";
        let asked = Address::Tcp("127.0.0.1".into(), 7000);
        let home = |host: &str, port, replicas| Home {
            address: Address::Tcp(host.into(), port),
            replicas: Some(replicas),
        };
        let (first, second) = (home("127.0.0.1", 7000, 2), home("10.0.0.2", 7001, 1));
        let map = [
            (0, 5460, first.clone()),
            (7000, 7000, first),
            (5461, 6999, second.clone()),
            (7001, 16383, second),
        ];
        assert_eq!(Nodes::read(nodes, &asked).map, map);
    }

    #[test]
    fn the_nodes_are_all_but_those_that_failed() {
        let nodes = "\
a1 127.0.0.1:7000@17000 myself,master - 0 1 1 connected 0-16383
b2 10.0.0.2:7001@17001,host slave a1 0 1 2 connected
c3 127.0.0.1:7003@17003 master,fail - 0 1 1 disconnected
d4 :0@0 slave,noaddr a1 0 1 1 disconnected
";
        let tcp = |host: &str, port| Address::Tcp(host.into(), port);
        let read = Nodes::read(nodes, &tcp("127.0.0.1", 7000));
        assert_eq!(read.addresses, [tcp("127.0.0.1", 7000), tcp("10.0.0.2", 7001)]);
    }

    /// One that has just taken over has none left, and still is to be told from one that never had any.
    #[test]
    fn where_others_have_replicas_every_primary_should_have_one() {
        let nodes = "\
a1 h:1@2 myself,master - 0 1 1 connected 0-99
b2 h:2@3 master - 0 1 2 connected 100-199
c3 h:3@4 slave b2 0 1 2 connected
";
        let replicas = |nodes: &str| {
            let read = Nodes::read(nodes, &Address::Tcp("h".into(), 1));
            read.map.into_iter().map(|(.., home)| home.replicas).collect::<Vec<_>>()
        };
        assert_eq!(replicas(nodes), [Some(1), Some(1)]);
        let without = nodes.rsplit_once("c3").unwrap().0;
        assert_eq!(replicas(without), [Some(0), Some(0)]);
    }

    #[test]
    fn an_answer_of_another_form_is_an_empty_map() {
        for nodes in ["", "ERR", "a b c", "a1 nowhere master - 0 1 1 connected 0-1"] {
            assert!(Nodes::read(nodes, &Address::Tcp("h".into(), 1)).map.is_empty(), "{nodes}");
        }
    }
}
