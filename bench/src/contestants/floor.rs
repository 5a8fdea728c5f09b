//! The floor: what a round trip to Redis costs by itself, with nothing of a token around it.

use std::sync::Arc;

use redis::aio::MultiplexedConnection;

use super::pick;
use crate::arena::{Arena, write_bare};
use crate::contest::{Contestant, Entry};
use crate::outcome::{Outcome, failure};

/// A script of two calls: read the record, renew it.
pub(crate) const TWO_CALLS: &str =
    "local record = redis.call('GET', KEYS[1]) redis.call('PEXPIRE', KEYS[1], ARGV[1]) return record";
/// The new time to live in milliseconds, a day.
pub(crate) const WINDOW: &str = "86400000";

/// The script's hash, known to the server from now on.
pub(crate) async fn load_script(connection: &mut MultiplexedConnection) -> Outcome<String> {
    Ok(redis::cmd("SCRIPT").arg("LOAD").arg(TWO_CALLS).query_async(connection).await?)
}

/// `floor/evalsha` and `floor/get`.
pub(crate) async fn enter(arena: &Arena) -> Outcome<Vec<Entry>> {
    let mut connection = arena.multiplexed().await?;
    let script = load_script(&mut connection).await?;
    let keys = write_bare(&mut connection, "flr", arena.tokens).await?;
    let get = Get { connection: arena.multiplexed().await?, keys: keys.clone() };
    let evalsha = Evalsha { connection, script: script.into(), keys };
    Ok(vec![
        Entry::new(
            "floor/evalsha",
            "the `redis` crate, one `MultiplexedConnection` with its defaults: EVALSHA of a script that does GET and PEXPIRE",
            evalsha,
        ),
        Entry::new("floor/get", "the same connection settings: GET", get),
    ])
}

pub(crate) struct Evalsha {
    pub(crate) connection: MultiplexedConnection,
    pub(crate) script: Arc<str>,
    pub(crate) keys: Arc<[String]>,
}

impl Contestant for Evalsha {
    async fn validate(&self, number: usize) -> Outcome<()> {
        let mut command = redis::cmd("EVALSHA");
        command.arg(&*self.script).arg(1).arg(pick(&self.keys, number)?).arg(WINDOW);
        let record: Option<Vec<u8>> = command.query_async(&mut self.connection.clone()).await?;
        found(record)
    }
}

struct Get {
    connection: MultiplexedConnection,
    keys: Arc<[String]>,
}

impl Contestant for Get {
    async fn validate(&self, number: usize) -> Outcome<()> {
        let mut command = redis::cmd("GET");
        command.arg(pick(&self.keys, number)?);
        found(command.query_async(&mut self.connection.clone()).await?)
    }
}

/// There must have been a record.
pub(crate) fn found(record: Option<Vec<u8>>) -> Outcome<()> {
    record.map(drop).ok_or_else(|| failure("a record is not there"))
}
