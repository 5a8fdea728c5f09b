//! `RedisStore`: implements the contract of `token-core` with the scripts of `lua/`.

mod builder;
mod contract;
mod issue;
mod operations;

use std::fmt;
use std::sync::Arc;

use token_core::{KeyFit, KeyRing, StoreError};

pub use self::builder::Builder;
use crate::cache::{Cache, CacheStatus};
use crate::connection::{PoolState, Pools, SharedConnections, StoreUrl, Topology};
use crate::key_checks::{self, Noted};
use crate::keys::Namespace;
use crate::opening;
use crate::operation_context::OperationContext;
use crate::options::Options;
use crate::validate::Validation;

/// A token store on Redis: one server, a server that Sentinels name, or a Redis Cluster.
pub struct RedisStore {
    keys: Arc<KeyRing>,
    options: Options,
    target: String,
    shared: Arc<SharedConnections>,
    validation: Validation,
    pools: Arc<Pools>,
    cache: Option<Arc<Cache>>,
    noted: Arc<Noted>,
}

impl RedisStore {
    /// Connects to a store URL:
    ///
    /// | URL | is |
    /// |---|---|
    /// | `redis://[USER:PASSWORD@]HOST[:PORT][/DB]`, `redis+unix:///PATH` | one server |
    /// | `redis-sentinel://[USER:PASSWORD@]HOST:PORT[,HOST:PORT…]/DB?sentinelServiceName=NAME` | the server that Sentinels name |
    /// | `redis-cluster://[USER:PASSWORD@]HOST:PORT?node=HOST:PORT&node=…` | a Redis Cluster, by some of its nodes |
    ///
    /// Use `rediss` in place of `redis` for TLS. Sentinels are asked without user and password.
    ///
    /// # Errors
    /// The URL has another form, the server cannot be reached by the deadline, or it refuses the credentials.
    pub async fn connect(url: &str, keys: Arc<KeyRing>, options: Options) -> Result<Self, StoreError> {
        let url = Arc::new(StoreUrl::parse(url, Some(options.tls.certificates()))?);
        let secure = url.certificates().is_some();
        if secure {
            options.tls.prepare()?;
        }
        let target = url.to_string();
        let attempt = OperationContext::to_connect(&target, secure, options.deadline);
        let topology = Arc::new(Topology::new(url, options.connect_timeout));
        let shared = opening::open(&topology, &options, attempt).await?;
        let cache = options.local_cache.map(|settings| {
            Arc::new(Cache::open(settings, topology.clone(), &options.namespace, options.limits()))
        });
        let validation = Validation::new(keys.clone(), &options, cache.clone(), shared.clone());
        let pools = Arc::new(Pools::new(topology, options.limits()));
        Ok(Self { keys, options, target, shared, validation, pools, cache, noted: Arc::default() })
    }

    /// The same store for the calling runtime: its validations share a connection on this runtime, and share calls only with
    /// each other. The local cache, the pools and the counters are common to both stores.
    ///
    /// Use it in a process with a runtime on each core, so that a validation on one core does not wait for another core. If
    /// one runtime does all the work, one store is enough. With a local cache, the runtime on which the store was opened must
    /// outlive the others: the subscription runs there, and without it the cache answers nothing.
    ///
    /// # Errors
    /// The server cannot be reached by the deadline, or it refuses the credentials.
    pub async fn on_this_runtime(&self) -> Result<Self, StoreError> {
        let attempt = OperationContext::to_connect(
            &self.target,
            self.shared.url().certificates().is_some(),
            self.options.deadline,
        );
        let shared = attempt.redis(self.shared.fork()).await?;
        Ok(Self {
            keys: self.keys.clone(),
            options: self.options.clone(),
            target: self.target.clone(),
            validation: self.validation.with_connections(shared.clone()),
            shared,
            pools: self.pools.clone(),
            cache: self.cache.clone(),
            noted: self.noted.clone(),
        })
    }

    /// Builds a store with further settings: `RedisStore::builder().local_cache(LocalCache::default()).connect(url, keys)`.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Compares the keys of this node with the check values in the store. If a server does not answer by
    /// [`Options::deadline`], or refuses, the result is unknown.
    pub async fn key_fit(&self) -> KeyFit {
        let (attempt, slot) = (self.attempt("read the key versions"), Namespace::slot_of_key_checks());
        let look = key_checks::Look(&self.options.namespace);
        match self.pools.on_primary(slot, &look, attempt.until()).await {
            Ok(Ok(known)) => self.keys.fit(&known),
            _ => KeyFit::Unknown,
        }
    }

    /// How often the shared connection for validations was replaced, because it was lost or calls on it timed out.
    #[must_use]
    pub fn connection_swaps(&self) -> u64 {
        self.shared.replacements()
    }

    /// The state of the local cache; `None` without one.
    #[must_use]
    pub fn cache_status(&self) -> Option<CacheStatus> {
        self.cache.as_deref().map(Cache::status)
    }

    /// The pools from which all operations except validations take their connections: one for each server that was used so
    /// far, in the order of their names.
    #[must_use]
    pub fn pools(&self) -> Vec<PoolState> {
        self.pools.states()
    }
}

/// Shows the URL of the store without user and password.
impl fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStore")
            .field("target", &self.target)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}
