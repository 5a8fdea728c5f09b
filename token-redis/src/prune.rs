//! Scans the indexes of all subjects and removes expired tokens.

use std::sync::Arc;

use redis::{FromRedisValue, RedisResult, Value};

use crate::connection::{DedicatedConnection, Pools, Primary};
use crate::keys::Namespace;
use crate::script::answer;
use crate::script::{self, Call};

/// How many keys one step of the walk examines, and how many ids one script call takes.
const STEP: usize = 1000;

/// A walk over all indexes, one step at a time, so that each step can have its own deadline.
pub(crate) struct Walk<'a> {
    namespace: &'a Namespace,
    pools: &'a Pools,
    ahead: Vec<Arc<Primary>>,
    cursor: u64,
    pruned: u64,
}

impl<'a> Walk<'a> {
    /// Starts a walk over all primaries.
    pub(crate) async fn begin(namespace: &'a Namespace, pools: &'a Pools) -> RedisResult<Self> {
        Ok(Self { namespace, pools, ahead: pools.primaries().await?, cursor: 0, pruned: 0 })
    }

    /// Makes one step; returns the number of removed ids when the walk is complete.
    pub(crate) async fn step(&mut self) -> RedisResult<Option<u64>> {
        let Some(primary) = self.ahead.last() else { return Ok(Some(self.pruned)) };
        let mut own = self.pools.to(primary).await?;
        let mut scan = redis::cmd("SCAN");
        scan.arg(self.cursor).arg("MATCH").arg(self.namespace.all_indexes()).arg("COUNT").arg(STEP);
        // Skip keys that are not an index, or are of another type: they would end the walk with an error.
        scan.arg("TYPE").arg("zset");
        let (cursor, indexes): (u64, Vec<Value>) = scan.query_async(&mut own).await?;
        // A key name that is not text was written by another program.
        for index in indexes.into_iter().filter_map(|name| String::from_redis_value(name).ok()) {
            self.pruned += match prune_index(&index, &mut own).await {
                // The index has moved to another primary meanwhile; the next walk will find it there.
                Err(error) if error.is_cluster_error() => 0,
                pruned => pruned?,
            };
        }
        self.cursor = cursor;
        if cursor == 0 {
            self.ahead.pop();
        }
        Ok(None)
    }
}

async fn prune_index(index: &str, own: &mut DedicatedConnection) -> RedisResult<u64> {
    let members: Vec<Value> = redis::cmd("ZRANGE").arg(index).arg(0).arg(-1).query_async(own).await?;
    // Members that are not token ids stay until the next listing, which removes them.
    let members: Vec<String> = answer::ids(&members).iter().map(ToString::to_string).collect();
    let mut pruned = 0;
    for members in members.chunks(STEP) {
        let records = members.iter().filter_map(|id| Some((id, Namespace::record_beside(index, id)?)));
        let (ids, records): (Vec<_>, Vec<_>) = records.unzip();
        let keys = std::iter::once(index.to_owned()).chain(records).collect();
        let arguments = ids.into_iter().map(|id| id.clone().into_bytes()).collect();
        let call = Call { script: &script::PRUNE, keys, arguments };
        pruned += u64::from_redis_value(call.send(own).await?)?;
    }
    Ok(pruned)
}
