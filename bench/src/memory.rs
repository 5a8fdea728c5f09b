//! `memory`: what a token takes in Redis, at a million of them, and what the sessions of others take.

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
    /// Memory that Redis has given out for each, in bytes.
    pub(crate) bytes_each: f64,
}

/// Measures, prints and keeps it.
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
    let arena = Arena::open(TOKENS).await;
    let before = used(&arena).await?;
    tower_sessions::Sessions::new(&arena.server.url(), TOKENS).await?;
    rows.push(row(&arena, "tower-sessions-redis-store, a user's name in it, no index".to_owned(), before).await?);

    let arena = Arena::open(TOKENS).await;
    let before = used(&arena).await?;
    axum_session::Sessions::new(&arena.server.url(), TOKENS).await?;
    rows.push(row(&arena, "axum_session_redispool, a user's name in it, no index".to_owned(), before).await?);

    let arena = Arena::open(TOKENS).await;
    let before = used(&arena).await?;
    peers::fill_with_flask_sessions(&arena, TOKENS).await?;
    rows.push(row(&arena, format!("Flask-Session, a user's name in it, no index; {}", peers::COPIED), before).await?);
    docs.keep("memory", rows)
}

async fn row(arena: &Arena, name: String, before: u64) -> Outcome<MemoryRow> {
    let size: usize = arena.server.command(&["DBSIZE"]).await;
    if size < TOKENS {
        return Err(failure(format!("{name}: only {size} keys are there")));
    }
    let bytes_each = used(arena).await?.saturating_sub(before) as f64 / TOKENS as f64;
    println!("{bytes_each:>8.1} bytes  {name}");
    Ok(MemoryRow { name, tokens: TOKENS, bytes_each })
}

async fn used(arena: &Arena) -> Outcome<u64> {
    let info: String = arena.server.command(&["INFO", "memory"]).await;
    let field = info.lines().find_map(|line| line.strip_prefix("used_memory:"));
    field.and_then(|bytes| bytes.parse().ok()).ok_or_else(|| failure("the server does not say how much memory it uses"))
}
