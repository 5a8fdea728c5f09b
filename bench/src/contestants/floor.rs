//! The floor: the cost of a round trip to Redis without any work on tokens.

use std::sync::Arc;

use redis::aio::MultiplexedConnection;

use super::pick;
use crate::arena::{Arena, write_bare};
use crate::contest::{Contestant, Entry};
use crate::outcome::{Outcome, failure};

/// A script of two calls: read the record, renew it.
pub(crate) const TWO_CALLS: &str =
    "local record = redis.call('GET', KEYS[1]) redis.call('PEXPIRE', KEYS[1], ARGV[1]) return record";
/// The new TTL in milliseconds: one day.
pub(crate) const WINDOW: &str = "86400000";

/// Loads the script, and returns its hash.
pub(crate) async fn load_script(connection: &mut MultiplexedConnection) -> Outcome<String> {
    Ok(redis::cmd("SCRIPT").arg("LOAD").arg(TWO_CALLS).query_async(connection).await?)
}

/// `floor/evalsha` and `floor/get`; with `more` also the rows that explain the difference between them and the store.
pub(crate) async fn enter(arena: &Arena, more: bool) -> Outcome<Vec<Entry>> {
    let mut connection = arena.multiplexed().await?;
    let script: Arc<str> = load_script(&mut connection).await?.into();
    let keys = write_bare(&mut connection, "flr", arena.tokens).await?;
    let get = Get { connection: arena.multiplexed().await?, keys: keys.clone() };
    let evalsha = Evalsha { connection, script: script.clone(), keys: keys.clone() };
    let mut entries = vec![
        Entry::new(
            "floor/evalsha",
            "the `redis` crate, one `MultiplexedConnection` with its defaults: EVALSHA of a script that does GET and PEXPIRE",
            evalsha,
        ),
        Entry::new("floor/get", "the same connection settings: GET", get),
    ];
    if more {
        let connection = nodelay(arena).await?;
        let about = "as `floor/evalsha`, with TCP_NODELAY, which matters between machines";
        entries.push(Entry::new(
            "floor/evalsha-nodelay",
            about,
            Evalsha { connection, script, keys: keys.clone() },
        ));
        let mut connection = nodelay(arena).await?;
        let script: String = redis::cmd("SCRIPT")
            .arg("LOAD")
            .arg(token_redis::validate_script())
            .query_async(&mut connection)
            .await?;
        let about = "as `floor/evalsha-nodelay`, with `validate.lua` instead of the script of two calls";
        entries.push(Entry::new("floor/validate-lua", about, Validate { connection, script, keys }));
    }
    Ok(entries)
}

/// Uses the same connection settings as the store.
async fn nodelay(arena: &Arena) -> Outcome<MultiplexedConnection> {
    let settings = redis::io::tcp::TcpSettings::default().set_nodelay(true);
    let info =
        redis::Client::open(arena.server.url())?.get_connection_info().clone().set_tcp_settings(settings);
    Ok(redis::Client::open(info)?.get_multiplexed_async_connection().await?)
}

struct Validate {
    connection: MultiplexedConnection,
    script: String,
    keys: Arc<[String]>,
}

impl Contestant for Validate {
    async fn validate(&self, number: usize) -> Outcome<()> {
        let mut command = redis::cmd("EVALSHA");
        command.arg(&self.script).arg(1).arg(pick(&self.keys, number)?).arg("use").arg(0);
        let told: Vec<u8> = command.query_async(&mut self.connection.clone()).await?;
        // The reply for a valid token has its expiry first.
        if told.first().is_some_and(u8::is_ascii_digit) {
            Ok(())
        } else {
            Err(failure("a record does not count"))
        }
    }
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

/// Fails if there is no record.
pub(crate) fn found(record: Option<Vec<u8>>) -> Outcome<()> {
    record.map(drop).ok_or_else(|| failure("a record is not there"))
}
