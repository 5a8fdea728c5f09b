//! `memory`: the Redis memory of a token, measured with a million tokens, and of the sessions of other libraries.
//!
//! For the others, the library writes one session, and a million copies are made under names of the same length.

use serde::{Deserialize, Serialize};

use crate::arena::Arena;
use crate::bulk::lay;
use crate::contestants::{axum_session, tower_sessions};
use crate::outcome::{Outcome, failure};
use crate::peers;
use crate::results::Docs;

/// How many of each kind.
const TOKENS: usize = 1_000_000;

/// A layout.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct MemoryRow {
    pub(crate) name: String,
    pub(crate) tokens: usize,
    /// Its share of Redis' `used_memory`, in bytes.
    pub(crate) bytes_each: f64,
    /// Its share of `used_memory_dataset`, which excludes the tables of keys and of TTLs.
    pub(crate) data_each: f64,
}

/// The memory that a server reports.
struct Used {
    all: f64,
    data: f64,
}

/// Measures, prints and saves the results.
pub(crate) async fn run(docs: &Docs) -> Outcome<()> {
    let mut rows = Vec::new();
    for each in [1, 5] {
        let arena = Arena::open(TOKENS).await;
        let mut connection = arena.multiplexed().await?;
        let before = used(&arena).await?;
        lay(&mut connection, 0..TOKENS, each, TOKENS).await?;
        let plural = if each == 1 { "token" } else { "tokens" };
        rows.push(row(&arena, format!("ours, {each} {plural} a user, index included"), before).await?);
    }
    for (name, peer) in [
        ("tower-sessions-redis-store", Peer::TowerSessions),
        ("axum_session_redispool", Peer::AxumSession),
        ("Flask-Session", Peer::FlaskSession),
    ] {
        let arena = Arena::open(TOKENS).await;
        let before = used(&arena).await?;
        peer.write_one(&arena).await?;
        copy(&arena, TOKENS).await?;
        rows.push(row(&arena, format!("`{name}`, a user's name in each session, no index"), before).await?);
    }
    docs.keep("memory", rows)
}

/// The library of the sessions.
enum Peer {
    TowerSessions,
    AxumSession,
    FlaskSession,
}

impl Peer {
    /// Makes the library write one session.
    async fn write_one(&self, arena: &Arena) -> Outcome<()> {
        let url = arena.server.url();
        match self {
            Self::TowerSessions => tower_sessions::Sessions::new(&url, 1).await.map(drop),
            Self::AxumSession => axum_session::Sessions::new(&url, 1).await.map(drop),
            Self::FlaskSession => peers::write_flask_session(&url).await,
        }
    }
}

/// Copies the only key of the server under names of the same length until there are this many.
async fn copy(arena: &Arena, count: usize) -> Outcome<()> {
    let mut connection = arena.multiplexed().await?;
    let key: String = redis::cmd("RANDOMKEY").query_async(&mut connection).await?;
    let dump: Vec<u8> = redis::cmd("DUMP").arg(&key).query_async(&mut connection).await?;
    let left: u64 = redis::cmd("PTTL").arg(&key).query_async(&mut connection).await?;
    let stem = key.get(..key.len().saturating_sub(8)).unwrap_or_default();
    let mut pipeline = redis::pipe();
    for number in 1..count {
        pipeline.cmd("RESTORE").arg(format!("{stem}{number:08}")).arg(left).arg(&dump).ignore();
        if number % 1_000 == 0 || number + 1 == count {
            pipeline.query_async::<()>(&mut connection).await?;
            pipeline.clear();
        }
    }
    Ok(())
}

async fn row(arena: &Arena, name: String, before: Used) -> Outcome<MemoryRow> {
    let size: usize = arena.server.command(&["DBSIZE"]).await;
    if size < TOKENS {
        return Err(failure(format!("{name}: only {size} keys are there")));
    }
    let after = used(arena).await?;
    let each = |before, after| (after - before) / TOKENS as f64;
    let (bytes_each, data_each) = (each(before.all, after.all), each(before.data, after.data));
    println!("{bytes_each:>8.1} bytes, {data_each:.1} of data  {name}");
    Ok(MemoryRow { name, tokens: TOKENS, bytes_each, data_each })
}

async fn used(arena: &Arena) -> Outcome<Used> {
    let info: String = arena.server.command(&["INFO", "memory"]).await;
    let field = |name: &str| info.lines().find_map(|line| line.strip_prefix(name)?.parse().ok());
    match (field("used_memory:"), field("used_memory_dataset:")) {
        (Some(all), Some(data)) => Ok(Used { all, data }),
        _ => Err(failure("the server does not say how much memory it uses")),
    }
}
