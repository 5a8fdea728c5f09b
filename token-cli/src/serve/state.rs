//! What requests are answered with: a sidecar over an open store, or over one that is waited for.

use std::sync::Arc;

use token_core::spi::TokenStore;
use token_core::{KeyRing, StoreErrorKind, TokenService};
use token_http::sidecar::{
    Issuer, Join, Limits, Measured, Render, Retirement, Sidecar, SidecarService, Tokens,
};
use token_redis::{LocalCache, RedisStore};

use super::waiting::Waiting;
use crate::args::{ServeArgs, Settings};
use crate::failure::Failure;
use crate::keys::read_keys;
use crate::open::open_watched;
use crate::store_name::embedded;

/// What stays when the rest is replaced.
pub(super) struct Common {
    pub(super) render: Render,
    pub(super) trace: Option<Join>,
    pub(super) retirement: Retirement,
}

/// A sidecar over an open store.
pub(super) struct Opened {
    pub(super) sidecar: Sidecar,
    /// The store, if it has connections of its own for each core.
    pub(super) redis: Option<Arc<RedisStore>>,
}

impl Common {
    /// Opens the store that the settings name.
    pub(super) async fn open(&self, arguments: &ServeArgs, settings: &Settings) -> Result<Opened, Failure> {
        let cache = arguments.cache.map(|age| LocalCache::default().max_age(age.as_duration()));
        let (tokens, redis) = open_watched(settings, cache).await?;
        let store = measured(tokens.store().clone());
        let sidecar = self.sidecar(arguments, tokens.with_store(store));
        Ok(Opened { sidecar, redis })
    }

    /// Until the store has answered.
    pub(super) fn wait(&self, arguments: &ServeArgs, settings: &Settings) -> Result<Sidecar, Failure> {
        let keys = match settings.key_file.as_deref() {
            Some(path) => read_keys(path)?,
            None => Arc::new(KeyRing::public()),
        };
        let tokens = TokenService::new(measured(Arc::new(Waiting(keys))), settings.prefix.clone());
        Ok(self.sidecar(arguments, tokens))
    }

    fn sidecar(&self, arguments: &ServeArgs, tokens: Tokens) -> Sidecar {
        Sidecar {
            tokens: Arc::new(tokens),
            realm: arguments.realm.clone(),
            credentials: Arc::new(arguments.presenting.options()),
            admins: arguments.admins.iter().cloned().flatten().collect(),
            introspectors: arguments.introspectors.iter().cloned().flatten().collect(),
            issuer: arguments
                .web
                .issuer
                .clone()
                .unwrap_or(Issuer::OfHost { tls: arguments.listen_cert.is_some() }),
            cors_origins: arguments.web.cors_origins.iter().cloned().flatten().collect(),
            limits: Limits { at_once: arguments.at_once, ..Limits::default() },
            metrics: Some(self.render.clone()),
            trusted_proxies: arguments.trusted_proxies.clone(),
            trace: self.trace,
            retirement: self.retirement.clone(),
        }
    }
}

impl Opened {
    /// The same with a connection to the store on the core where this is called, if the store has connections.
    pub(super) fn on_this_core(
        &self,
        service: &SidecarService,
    ) -> impl Future<Output = Result<SidecarService, Failure>> + Send + 'static {
        let (service, redis) = (service.clone(), self.redis.clone());
        async move {
            let Some(store) = redis else { return Ok(service) };
            let store = Arc::new(store.on_this_runtime().await.map_err(Failure::Store)?);
            Ok(service.over(measured(store)))
        }
    }
}

/// The store, behind counters.
fn measured(store: Arc<dyn TokenStore>) -> Arc<dyn TokenStore> {
    Arc::new(Measured::new(store))
}

/// Whether a store that could not be opened may be there later. Wrong settings stay wrong, and so does a file.
pub(super) fn may_come(failure: &Failure, settings: &Settings) -> bool {
    let is_file = settings.store.as_deref().is_none_or(|store| embedded(store).is_some());
    let is_away = |kind| matches!(kind, StoreErrorKind::Unavailable | StoreErrorKind::TimedOut);
    !is_file && matches!(failure, Failure::Store(error) if is_away(error.kind()))
}
