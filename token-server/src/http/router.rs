//! Which function answers which path.

use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{MethodRouter, get, post};

use super::middleware::{self, Middleware};
use super::service::SidecarService;
use super::{cors, health, oauth, openapi, tokens};
use crate::error;
use crate::state::Sidecar;

impl Sidecar {
    /// Everything that it answers, as a tower service.
    pub fn service(self) -> SidecarService {
        let middleware = Middleware::new(&self);
        self.behind(middleware)
    }

    pub(super) fn behind(self, middleware: Arc<Middleware>) -> SidecarService {
        let sidecar = Arc::new(self);
        let pages = routed(routes());
        let pages = match &*sidecar.cors_origins {
            [] => pages,
            origins => pages.layer(cors::layer(origins)),
        };
        let router = pages.merge(routed(watching())).fallback(error::not_found);
        let router = router
            .layer(from_fn_with_state(middleware.clone(), middleware::answer))
            .with_state(sidecar.clone());
        SidecarService::new(sidecar, middleware, router)
    }
}

fn routed(routes: Vec<(&'static str, MethodRouter<Arc<Sidecar>>)>) -> Router<Arc<Sidecar>> {
    let router =
        routes.into_iter().fold(Router::new(), |router, (path, methods)| router.route(path, methods));
    router.method_not_allowed_fallback(error::method_not_allowed)
}

/// Every path but those of [`forward_auth`](super::forward_auth) and [`watching`], and what may be done there. `openapi.json` says the same.
/// Pages of the listed origins may ask all of these.
pub(super) fn routes() -> Vec<(&'static str, MethodRouter<Arc<Sidecar>>)> {
    vec![
        ("/introspect", post(oauth::introspect)),
        ("/revoke", post(oauth::revoke)),
        ("/.well-known/oauth-authorization-server", get(oauth::metadata)),
        ("/.well-known/oauth-authorization-server/{*issuer}", get(oauth::metadata_below)),
        ("/v1/tokens", get(tokens::list).post(tokens::issue).delete(tokens::revoke_all)),
        ("/v1/tokens/{id}", get(tokens::show).delete(tokens::revoke)),
        ("/v1/tokens/{id}/confirm", post(tokens::confirm)),
        ("/openapi.json", get(openapi::openapi)),
    ]
}

/// The paths for those who watch over the process, which are for no page.
pub(super) fn watching() -> Vec<(&'static str, MethodRouter<Arc<Sidecar>>)> {
    vec![
        ("/healthz", get(health::healthz)),
        ("/readyz", get(health::readyz)),
        ("/metrics", get(health::metrics)),
    ]
}
