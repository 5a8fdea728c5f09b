//! `axum_session` with its Redis pool: a session is loaded, and stored with a new deadline.

use std::collections::HashMap;
use std::sync::Arc;

use axum_session::DatabasePool;
use axum_session_redispool::SessionRedisPool;
use redis_pool::SingleRedisPool;
use serde::{Deserialize, Serialize};
use token_core::spi::{Clock, SystemClock};

use super::pick;
use crate::arena::{Arena, EACH};
use crate::contest::{Contestant, Entry};
use crate::outcome::{Outcome, failure};

/// The default name of its table.
const TABLE: &str = "sessions";
const DAY: i64 = 86_400;

/// `peer/axum-session-redis`
pub(crate) async fn enter(arena: &Arena) -> Outcome<Entry> {
    let sessions = Sessions::new(&arena.server.url(), arena.tokens).await?;
    let about = "`axum_session_redispool` on `redis_pool` with its defaults (16 connections are kept): `load` and `store` of a session's JSON, as `axum_session` does for a session that is not in its memory";
    Ok(Entry::new("peer/axum-session-redis", about, sessions))
}

/// Sessions with a user in them.
pub(crate) struct Sessions {
    pool: SessionRedisPool,
    ids: Arc<[String]>,
}

/// The stored form of a session: each value is a JSON text.
#[derive(Serialize, Deserialize)]
struct SessionData {
    data: HashMap<String, String>,
    longterm: bool,
}

impl Sessions {
    /// Creates this many in the server with this URL.
    pub(crate) async fn new(url: &str, count: usize) -> Outcome<Self> {
        let pool = SessionRedisPool::from(SingleRedisPool::from(redis::Client::open(url)?));
        let mut ids = Vec::with_capacity(count);
        for number in 0..count {
            let id = format!("00000000-0000-4000-8000-{number:012x}");
            let user = format!("\"user-{:07}\"", number / EACH);
            let session = SessionData { data: [("user".to_owned(), user)].into(), longterm: false };
            pool.store(&id, &serde_json::to_string(&session)?, expires()?, TABLE).await?;
            ids.push(id);
        }
        Ok(Self { pool, ids: ids.into() })
    }
}

fn expires() -> Outcome<i64> {
    Ok(i64::try_from(SystemClock.now().as_millis() / 1_000)? + DAY)
}

impl Contestant for Sessions {
    async fn validate(&self, number: usize) -> Outcome<()> {
        let id = pick(&self.ids, number)?;
        let found = self.pool.load(id, TABLE).await?.ok_or_else(|| failure("a session is not there"))?;
        let session: SessionData = serde_json::from_str(&found)?;
        Ok(self.pool.store(id, &serde_json::to_string(&session)?, expires()?, TABLE).await?)
    }
}
