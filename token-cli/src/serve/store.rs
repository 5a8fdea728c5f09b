//! The store of the server: the one that the settings name.

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use token_core::spi::TokenStore;
use token_core::{KeyFit, KeyRing, Prefix, Span, StoreError};
use token_redis::{LocalCache, RedisStore};
use token_server::{CacheState, ConnectionsState, OpenStore, PoolState, StoreConnections, StoreSource};

use crate::args::Settings;
use crate::keys::read_keys;
use crate::open::open_watched;
use crate::store_name::embedded;

/// Opens the store that the settings name.
pub(super) struct Source {
    pub(super) settings: Settings,
    /// How old an answer of the local cache may be.
    pub(super) cache: Option<Span>,
}

#[async_trait]
impl StoreSource for Source {
    async fn open(&self) -> Result<OpenStore, token_server::Failure> {
        let cache = self.cache.map(|age| LocalCache::default().max_age(age.as_duration()));
        let (tokens, redis) = open_watched(&self.settings, cache).await?;
        let connections = redis.map(|store| Arc::new(Connections(store)) as Arc<dyn StoreConnections>);
        Ok(OpenStore { tokens, connections })
    }

    fn keys(&self) -> Result<Arc<KeyRing>, token_server::Failure> {
        match self.settings.key_file.as_deref() {
            Some(path) => Ok(read_keys(path)?),
            None => Ok(Arc::new(KeyRing::public())),
        }
    }

    fn prefix(&self) -> Prefix {
        self.settings.prefix.clone()
    }

    fn may_come(&self) -> bool {
        self.settings.store.as_deref().is_some_and(|store| embedded(store).is_none())
    }

    fn files(&self) -> Vec<PathBuf> {
        let Settings { tls_ca, tls_cert, tls_key, .. } = &self.settings;
        [tls_ca, tls_cert, tls_key].into_iter().flatten().cloned().collect()
    }
}

/// The connections to Redis.
struct Connections(Arc<RedisStore>);

#[async_trait]
impl StoreConnections for Connections {
    async fn on_this_runtime(&self) -> Result<Arc<dyn TokenStore>, StoreError> {
        Ok(Arc::new(self.0.on_this_runtime().await?))
    }

    async fn key_fit(&self) -> KeyFit {
        self.0.key_fit().await
    }

    fn state(&self) -> ConnectionsState {
        let pools = self.0.pools().into_iter().map(|pool| PoolState {
            server: pool.server,
            size: pool.size,
            available: pool.available,
            waiting: pool.waiting,
            max: pool.max,
        });
        let cache = self.0.cache_status().map(|cache| CacheState {
            hits: cache.hits,
            misses: cache.misses,
            entries: cache.entries,
            partitions_heard: cache.partitions_heard,
        });
        ConnectionsState { swaps: self.0.connection_swaps(), pools: pools.collect(), cache }
    }
}
