//! Builds a store from options.

use std::sync::Arc;

use token_core::{KeyRing, StoreError};

use super::RedisStore;
use crate::cache::LocalCache;
use crate::options::Options;

/// Builds a [`RedisStore`], see [`RedisStore::builder`].
#[derive(Debug, Clone, Default)]
#[must_use]
pub struct Builder {
    options: Options,
}

impl Builder {
    /// All other options. Default [`Options::default`].
    pub fn options(self, options: Options) -> Self {
        Self { options: Options { local_cache: self.options.local_cache.or(options.local_cache), ..options } }
    }

    /// Lets this node answer uses from memory for a while, see [`LocalCache`]. Default: no cache.
    pub fn local_cache(mut self, cache: LocalCache) -> Self {
        self.options.local_cache = Some(cache);
        self
    }

    /// Connects to a store URL, as [`RedisStore::connect`] does.
    ///
    /// # Errors
    /// Those of [`RedisStore::connect`].
    pub async fn connect(self, url: &str, keys: Arc<KeyRing>) -> Result<RedisStore, StoreError> {
        RedisStore::connect(url, keys, self.options).await
    }
}
