//! A pool, with a connection taken from it for each call.

use std::sync::Arc;

use deadpool_redis::{Config, Pool, PoolConfig, Runtime};

use super::floor::{WINDOW, found, load_script};
use super::pick;
use crate::arena::{Arena, write_bare};
use crate::contest::{Contestant, Entry};
use crate::outcome::Outcome;

/// The number of connections: the size with the best results.
const CONNECTIONS: usize = 16;

/// `peer/deadpool-per-call`
pub(crate) async fn enter(arena: &Arena) -> Outcome<Entry> {
    let about = format!(
        "`deadpool-redis`, a pool of {CONNECTIONS}: `get()` for each call, which sends UNWATCH and PING on the connection, then the script of the floor"
    );
    Ok(Entry::new("peer/deadpool-per-call", about, contestant(arena).await?))
}

/// The subject.
pub(crate) async fn contestant(arena: &Arena) -> Outcome<impl Contestant + use<>> {
    let mut connection = arena.multiplexed().await?;
    let script = load_script(&mut connection).await?.into();
    let keys = write_bare(&mut connection, "ddp", arena.tokens).await?;
    let mut config = Config::from_url(arena.server.url());
    config.pool = Some(PoolConfig::new(CONNECTIONS));
    let pool = config.create_pool(Some(Runtime::Tokio1))?;
    Ok(PerCall { pool, script, keys })
}

struct PerCall {
    pool: Pool,
    script: Arc<str>,
    keys: Arc<[String]>,
}

impl Contestant for PerCall {
    async fn validate(&self, number: usize) -> Outcome<()> {
        let mut command = redis::cmd("EVALSHA");
        command.arg(&*self.script).arg(1).arg(pick(&self.keys, number)?).arg(WINDOW);
        found(command.query_async(&mut self.pool.get().await?).await?)
    }
}
