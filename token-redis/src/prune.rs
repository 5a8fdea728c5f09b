//! Walks over the indexes of all subjects and takes out what has died.

use redis::cluster_routing::{Route, RoutingInfo, SingleNodeRoutingInfo, SlotAddr};
use redis::{Cmd, FromRedisValue, RedisResult, Value};

use crate::connect::Link;
use crate::keys::Namespace;
use crate::scripts;

/// How many keys one step of the walk looks at, and how many ids one script call is given.
const STEP: usize = 1000;

/// One server of a deployment: the only one there is, or the primary that serves a slot.
#[derive(Clone, Copy)]
enum Server {
    Only,
    PrimaryOf(u16),
}

/// A walk over all indexes, one step at a time, so that each step can have its own deadline.
pub(crate) struct Walk<'a> {
    namespace: &'a Namespace,
    servers: Vec<Server>,
    cursor: u64,
    pruned: u64,
}

impl<'a> Walk<'a> {
    /// Begins a walk over all primaries.
    pub(crate) async fn begin(namespace: &'a Namespace, link: &mut Link) -> RedisResult<Self> {
        let servers = match link.cluster() {
            None => vec![Server::Only],
            Some(_) => primaries(&redis::cmd("CLUSTER").arg("SLOTS").query_async(link).await?),
        };
        Ok(Self { namespace, servers, cursor: 0, pruned: 0 })
    }

    /// Goes one step further; answers how many ids were taken out once the walk is at its end.
    pub(crate) async fn step(&mut self, link: &mut Link) -> RedisResult<Option<u64>> {
        let Some(&server) = self.servers.last() else { return Ok(Some(self.pruned)) };
        let mut scan = redis::cmd("SCAN");
        scan.arg(self.cursor).arg("MATCH").arg(self.namespace.all_indexes()).arg("COUNT").arg(STEP);
        let (cursor, indexes): (u64, Vec<String>) = send(server, scan, link).await?;
        for index in indexes {
            self.pruned += prune_index(&index, link).await?;
        }
        self.cursor = cursor;
        if cursor == 0 {
            self.servers.pop();
        }
        Ok(None)
    }
}

async fn prune_index(index: &str, link: &mut Link) -> RedisResult<u64> {
    let members: Vec<String> = redis::cmd("ZRANGE").arg(index).arg(0).arg(-1).query_async(link).await?;
    let mut pruned = 0;
    for members in members.chunks(STEP) {
        let records = members.iter().filter_map(|id| Some((id, Namespace::record_beside(index, id)?)));
        let (ids, records): (Vec<_>, Vec<_>) = records.unzip();
        let keys = std::iter::once(index.to_owned()).chain(records).collect::<Vec<_>>();
        pruned += u64::from_redis_value(scripts::PRUNE.run(link, &keys, ids).await?)?;
    }
    Ok(pruned)
}

async fn send<T: FromRedisValue>(server: Server, command: Cmd, link: &mut Link) -> RedisResult<T> {
    match (server, link.cluster()) {
        (Server::PrimaryOf(slot), Some(cluster)) => {
            let route = SingleNodeRoutingInfo::SpecificNode(Route::new(slot, SlotAddr::Master));
            let value = cluster.route_command(command, RoutingInfo::SingleNode(route)).await?;
            Ok(T::from_redis_value(value)?)
        }
        _ => command.query_async(link).await,
    }
}

/// A slot of each primary, from the answer to `CLUSTER SLOTS`: rows of first slot, last slot, primary, replicas.
fn primaries(slots: &Value) -> Vec<Server> {
    let Value::Array(rows) = slots else { return Vec::new() };
    let mut known: Vec<&Value> = Vec::new();
    let mut servers = Vec::new();
    for row in rows {
        let Value::Array(row) = row else { continue };
        let [Value::Int(first), _, primary, ..] = row.as_slice() else { continue };
        let Ok(slot) = u16::try_from(*first) else { continue };
        if !known.contains(&primary) {
            known.push(primary);
            servers.push(Server::PrimaryOf(slot));
        }
    }
    servers
}
