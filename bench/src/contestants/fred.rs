//! Another client for Redis.

use std::sync::Arc;

use fred::interfaces::{ClientLike, LuaInterface};
use fred::prelude::{Builder, Client, Config, TcpConfig};
use fred::types::Value;

use super::floor::{WINDOW, load_script};
use super::pick;
use crate::arena::{Arena, write_bare};
use crate::contest::{Contestant, Entry};
use crate::outcome::{Outcome, failure};

/// `peer/fred`
pub(crate) async fn enter(arena: &Arena) -> Outcome<Entry> {
    let mut connection = arena.multiplexed().await?;
    let script = load_script(&mut connection).await?.into();
    let keys = write_bare(&mut connection, "frd", arena.tokens).await?;
    let mut builder = Builder::from_config(Config::from_url(&arena.server.url())?);
    builder.with_connection_config(|config| {
        config.tcp = TcpConfig { nodelay: Some(true), ..TcpConfig::default() };
    });
    let client = builder.build()?;
    client.init().await?;
    let about =
        "`fred`, one `Client`, which pipelines automatically, with TCP_NODELAY: the script of the floor";
    Ok(Entry::new("peer/fred", about, Fred { client, script, keys }))
}

struct Fred {
    client: Client,
    script: Arc<str>,
    keys: Arc<[String]>,
}

impl Contestant for Fred {
    async fn validate(&self, number: usize) -> Outcome<()> {
        let key = pick(&self.keys, number)?.as_str();
        let record: Value = self.client.evalsha(&*self.script, key, WINDOW).await?;
        if record.is_null() { Err(failure("a record is not there")) } else { Ok(()) }
    }
}
