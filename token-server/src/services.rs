//! What requests are answered with: a sidecar over an open store, or over one that is waited for.

use std::sync::Arc;

use token_core::spi::TokenStore;
use token_core::{StoreErrorKind, TokenService};

use crate::failure::Failure;
use crate::http::service::SidecarService;
use crate::retirement::Retirement;
use crate::settings::Settings;
use crate::settings::issuer::Issuer;
use crate::state::Sidecar;
use crate::store::{StoreConnections, Tokens};
use crate::telemetry::measured::Measured;
use crate::telemetry::metrics::Render;
use crate::telemetry::trace::Join;
use crate::waiting::Waiting;

/// What stays when the rest is replaced.
pub(crate) struct Common {
    pub(crate) render: Render,
    pub(crate) trace: Option<Join>,
    pub(crate) retirement: Retirement,
}

/// A sidecar over an open store.
pub(crate) struct Opened {
    pub(crate) sidecar: Sidecar,
    /// The connections of the store, if it has any of its own for each core.
    pub(crate) connections: Option<Arc<dyn StoreConnections>>,
}

impl Common {
    /// Opens the store that the settings name.
    pub(crate) async fn open(&self, settings: &Settings) -> Result<Opened, Failure> {
        let opened = settings.store.open().await?;
        let store = measured(opened.tokens.store().clone());
        let sidecar = self.sidecar(settings, opened.tokens.with_store(store));
        Ok(Opened { sidecar, connections: opened.connections })
    }

    /// Until the store has answered.
    pub(crate) fn wait(&self, settings: &Settings) -> Result<Sidecar, Failure> {
        let store = measured(Arc::new(Waiting(settings.store.keys()?)));
        Ok(self.sidecar(settings, TokenService::new(store, settings.store.prefix())))
    }

    fn sidecar(&self, settings: &Settings, tokens: Tokens) -> Sidecar {
        let issuer = settings.issuer.clone();
        Sidecar {
            tokens: Arc::new(tokens),
            realm: settings.realm.clone(),
            credentials: Arc::new(settings.credentials.clone()),
            admins: settings.admins.clone(),
            introspectors: settings.introspectors.clone(),
            issuer: issuer.unwrap_or(Issuer::OfHost { tls: settings.certificate.is_some() }),
            cors_origins: settings.cors_origins.clone(),
            limits: settings.limits,
            metrics: Some(self.render.clone()),
            trusted_proxies: settings.trusted_proxies.clone(),
            trace: self.trace,
            retirement: self.retirement.clone(),
        }
    }
}

impl Opened {
    /// The same with a connection to the store on the core where this is called, if the store has connections.
    pub(crate) fn on_this_core(
        &self,
        service: &SidecarService,
    ) -> impl Future<Output = Result<SidecarService, Failure>> + Send + 'static {
        let (service, connections) = (service.clone(), self.connections.clone());
        async move {
            let Some(connections) = connections else { return Ok(service) };
            let store = connections.on_this_runtime().await.map_err(Failure::Store)?;
            Ok(service.over(measured(store)))
        }
    }
}

/// The store, behind counters.
fn measured(store: Arc<dyn TokenStore>) -> Arc<dyn TokenStore> {
    Arc::new(Measured::new(store))
}

/// Whether a store that could not be opened may be there later. Wrong settings stay wrong, and so does a file.
pub(crate) fn may_come(failure: &Failure, settings: &Settings) -> bool {
    let is_away = |kind| matches!(kind, StoreErrorKind::Unavailable | StoreErrorKind::TimedOut);
    settings.store.may_come() && matches!(failure, Failure::Store(error) if is_away(error.kind()))
}
