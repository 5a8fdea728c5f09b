//! The store that the server asks, and how it is opened.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use token_core::spi::TokenStore;
use token_core::{KeyFit, KeyRing, Prefix, StoreError, TokenService};

use crate::failure::Failure;

/// Tokens in whatever store.
pub type Tokens = TokenService<Arc<dyn TokenStore>>;

/// Opens the store: at the start, until it answers, when its files have changed, and at each reload.
#[async_trait]
pub trait StoreSource: Send + Sync {
    /// Opens the store.
    ///
    /// # Errors
    /// It cannot be opened.
    async fn open(&self) -> Result<OpenStore, Failure>;

    /// The keys of the store. Until it has answered, they tell its tokens from other texts.
    ///
    /// # Errors
    /// They cannot be read.
    fn keys(&self) -> Result<Arc<KeyRing>, Failure>;

    /// The prefix of its tokens.
    fn prefix(&self) -> Prefix;

    /// Whether a store that cannot be reached now may be there later. A file is not.
    fn may_come(&self) -> bool;

    /// Files that the store was opened with: when they change, it is opened again.
    fn files(&self) -> Vec<PathBuf>;
}

/// A store that was opened.
pub struct OpenStore {
    /// Its tokens.
    pub tokens: Tokens,
    /// Its connections, if it has any to servers.
    pub connections: Option<Arc<dyn StoreConnections>>,
}

/// The connections of a store to its servers.
#[async_trait]
pub trait StoreConnections: Send + Sync {
    /// The same store with connections of its own for the runtime on which this is called.
    ///
    /// # Errors
    /// It cannot connect.
    async fn on_this_runtime(&self) -> Result<Arc<dyn TokenStore>, StoreError>;

    /// Whether the keys of this node are those that issued the tokens in the store.
    async fn key_fit(&self) -> KeyFit;

    /// How the connections are now.
    fn state(&self) -> ConnectionsState;
}

/// How the connections of a store are, for the metrics.
#[derive(Debug, Clone, Default)]
pub struct ConnectionsState {
    /// How often the connection that validations share was replaced.
    pub swaps: u64,
    /// The pools for everything else.
    pub pools: Vec<PoolState>,
    /// The local cache, if there is one.
    pub cache: Option<CacheState>,
}

/// A pool of connections to one server.
#[derive(Debug, Clone, Default)]
pub struct PoolState {
    /// The server.
    pub server: String,
    /// How many connections there are.
    pub size: usize,
    /// How many of them are not in use.
    pub available: usize,
    /// How many operations wait for one.
    pub waiting: usize,
    /// How many there may be.
    pub max: usize,
}

/// A local cache.
#[derive(Debug, Clone, Copy, Default)]
pub struct CacheState {
    /// Uses that it answered.
    pub hits: u64,
    /// Uses for which the store was asked.
    pub misses: u64,
    /// How many tokens it keeps.
    pub entries: usize,
    /// Of how many partitions revocations are received.
    pub partitions_heard: usize,
}

/// Without the store, which may know a password.
impl fmt::Debug for OpenStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenStore")
            .field("has_connections", &self.connections.is_some())
            .finish_non_exhaustive()
    }
}
