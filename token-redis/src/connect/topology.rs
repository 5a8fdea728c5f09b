//! Which server is the primary of a slot, and how many replicas it should have.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionInfo, ErrorKind, FromRedisValue, RedisError, RedisResult,
    Value,
};

use super::members::read_members;
use super::target::{Address, Shape, Target};

/// The primary of some slots.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Home {
    pub(crate) address: Address,
    /// How many replicas the topology lists for it, also those that are down. `None` where nobody keeps such a list.
    pub(crate) replicas: Option<u32>,
}

/// What is known of a deployment, read anew when it proves wrong.
pub(crate) struct Topology {
    target: Arc<Target>,
    connect_timeout: Duration,
    known: Mutex<Option<Arc<Map>>>,
}

/// First and last slot, and their home.
type Map = Vec<(u16, u16, Home)>;

const LAST_SLOT: u16 = 16_383;

impl Topology {
    pub(crate) fn new(target: Arc<Target>, connect_timeout: Duration) -> Self {
        Self { target, connect_timeout, known: Mutex::default() }
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

    /// The map was wrong: the next look reads it anew.
    pub(crate) fn forget(&self) {
        *self.lock() = None;
    }

    async fn map(&self) -> RedisResult<Arc<Map>> {
        if let Some(map) = self.lock().clone() {
            return Ok(map);
        }
        let map = Arc::new(self.read().await?);
        *self.lock() = Some(map.clone());
        Ok(map)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Arc<Map>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
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

    /// Asks one sentinel after the other, until one knows the primary.
    async fn ask_sentinels(&self, service: &str) -> RedisResult<(Address, u32)> {
        let mut last = nobody_answered();
        for sentinel in &self.target.named {
            let asked = async {
                let info = self.target.sentinel_server(sentinel)?;
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
                Ok((Address::Tcp(host, port), u32::try_from(replicas.len()).unwrap_or(u32::MAX)))
            };
            match asked.await {
                Ok(found) => return Ok(found),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// Asks one node after the other, until one has a whole map.
    async fn ask_nodes(&self) -> RedisResult<Map> {
        let mut last = nobody_answered();
        for node in &self.target.named {
            let asked = async {
                let info = self.target.server(node)?;
                self.ask::<String>(info, redis::cmd("CLUSTER").arg("NODES")).await
            };
            match asked.await {
                Ok(nodes) => match read_nodes(&nodes, node) {
                    map if !map.is_empty() => return Ok(map),
                    _ => last = nobody_answered(),
                },
                Err(error) => last = error,
            }
        }
        Err(last)
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

/// The homes in the answer to CLUSTER NODES. A primary's replicas count whether they are well or not: one that comes back
/// may be promoted.
fn read_nodes(nodes: &str, asked: &Address) -> Map {
    let members = read_members(nodes, asked);
    let mut map = Map::new();
    for primary in members.iter().filter(|member| member.is("master")) {
        let Some(address) = primary.address.clone() else { continue };
        let replicas = members.iter().filter(|other| other.follows.as_ref() == Some(&primary.id)).count();
        let home = Home { address, replicas: Some(u32::try_from(replicas).unwrap_or(u32::MAX)) };
        map.extend(primary.slots.iter().map(|&(first, last)| (first, last, home.clone())));
    }
    map
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
        assert_eq!(
            read_nodes(nodes, &asked),
            [
                (0, 5460, first.clone()),
                (7000, 7000, first),
                (5461, 6999, second.clone()),
                (7001, 16383, second)
            ]
        );
    }

    #[test]
    fn an_answer_of_another_form_is_an_empty_map() {
        for nodes in ["", "ERR", "a b c", "a1 nowhere master - 0 1 1 connected 0-1"] {
            assert!(read_nodes(nodes, &Address::Tcp("h".into(), 1)).is_empty(), "{nodes}");
        }
    }
}
