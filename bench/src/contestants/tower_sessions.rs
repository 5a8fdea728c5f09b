//! `tower-sessions` with its Redis store: a session is loaded, and saved with a new deadline.

use std::sync::Arc;

use fred::interfaces::ClientLike;
use fred::prelude::{Builder, Config, Pool};
use time::Duration;
use tower_sessions_core::session::Id;
use tower_sessions_core::{Expiry, Session};
use tower_sessions_redis_store::RedisStore;

use super::pick;
use crate::arena::{Arena, EACH};
use crate::contest::{Contestant, Entry};
use crate::outcome::{Outcome, failure};

/// The number of connections in its documentation.
const CONNECTIONS: usize = 6;
const USER: &str = "user";

/// `peer/tower-sessions-redis`
pub(crate) async fn enter(arena: &Arena) -> Outcome<Entry> {
    let sessions = Sessions::new(&arena.server.url(), arena.tokens).await?;
    let about = format!(
        "`tower-sessions` on `tower-sessions-redis-store`, a `fred` pool of {CONNECTIONS} as in its documentation, `Expiry::OnInactivity`: the session's user is read, and the session saved, as the layer does with `always_save`"
    );
    Ok(Entry::new("peer/tower-sessions-redis", about, sessions))
}

/// Sessions with a user in them.
pub(crate) struct Sessions {
    store: Arc<RedisStore<Pool>>,
    ids: Arc<[Id]>,
}

impl Sessions {
    /// Creates this many in the server with this URL.
    pub(crate) async fn new(url: &str, count: usize) -> Outcome<Self> {
        let pool = Builder::from_config(Config::from_url(url)?).build_pool(CONNECTIONS)?;
        pool.init().await?;
        let store = Arc::new(RedisStore::new(pool));
        let mut ids = Vec::with_capacity(count);
        for number in 0..count {
            let session = Session::new(None, store.clone(), Some(expiry()));
            session.insert(USER, format!("user-{:07}", number / EACH)).await?;
            session.save().await?;
            ids.push(session.id().ok_or_else(|| failure("a session that was saved has no id"))?);
        }
        Ok(Self { store, ids: ids.into() })
    }
}

fn expiry() -> Expiry {
    Expiry::OnInactivity(Duration::days(1))
}

impl Contestant for Sessions {
    async fn validate(&self, number: usize) -> Outcome<()> {
        let session = Session::new(Some(*pick(&self.ids, number)?), self.store.clone(), Some(expiry()));
        let user: Option<String> = session.get(USER).await?;
        user.ok_or_else(|| failure("a session is not there"))?;
        Ok(session.save().await?)
    }
}
