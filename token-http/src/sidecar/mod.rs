//! What `token-cli serve` answers: the token store for services of any language, behind any proxy.
//!
//! | path | for | follows |
//! |---|---|---|
//! | `/auth`, `/auth/…` | proxies that ask before they let a request through | nginx `auth_request`, Traefik ForwardAuth, Caddy `forward_auth`, Envoy `ext_authz` over HTTP |
//! | `/introspect` | resource servers | RFC 7662 |
//! | `/revoke` | holders and administrators | RFC 7009 |
//! | `/.well-known/oauth-authorization-server` | OAuth 2 clients | RFC 8414 |
//! | `/v1/tokens`, `/v1/tokens/{id}`, `…/confirm` | holders and administrators | REST: issue, list, show, revoke, confirm |
//! | `/openapi.json` | programs | OpenAPI 3.1 |
//! | `/healthz`, `/readyz` | monitoring | |
//! | `/metrics` | Prometheus | its text format |
//!
//! It counts and times what it is asked and, by [`Measured`], what it asks the store:
//!
//! | metric | labels |
//! |---|---|
//! | `http_requests_total` | `route`: its pattern, or `none`; `method`; `status` |
//! | `http_request_seconds` | `route` |
//! | `grpc_calls_total` | `method`: `PACKAGE.SERVICE/METHOD`, or `none`; `status`: its number |
//! | `grpc_call_seconds` | `method` |
//!
//! With [`trace`](Sidecar::trace), both have [spans](Join).

mod body;
mod client;
mod cors;
mod declared;
mod demands;
mod described;
mod error;
mod forward_auth;
#[cfg(feature = "grpc")]
pub mod grpc;
mod health;
mod idempotency;
mod limits;
mod measured;
mod middleware;
mod misspelled;
mod oauth;
mod observe;
mod openapi;
mod operations;
mod query;
mod request_metrics;
mod retirement;
mod service;
mod texts;
mod tokens;
mod trace;
mod unreadable;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{MethodRouter, get, post};
use token_core::spi::TokenStore;
use token_core::{Subject, TokenService};

pub use self::client::{Peer, TrustedProxy, TrustedProxyError};
pub use self::cors::{Origin, OriginError};
pub use self::described::describe;
pub use self::limits::Limits;
pub use self::measured::Measured;
use self::middleware::Middleware;
pub use self::oauth::{Issuer, IssuerError};
pub use self::retirement::Retirement;
pub use self::service::SidecarService;
pub use self::trace::{Join, REQUEST, TARGET};
pub use self::unreadable::Unreadable;
use crate::auth::TokenAuth;
use crate::credentials::CredentialOptions;
use crate::realm::Realm;

/// Tokens in whatever store.
pub type Tokens = TokenService<Arc<dyn TokenStore>>;

/// Writes all metrics of the process in the text format of Prometheus.
pub type Render = Arc<dyn Fn() -> String + Send + Sync>;

/// What the sidecar answers with.
#[derive(Clone)]
pub struct Sidecar {
    /// The store.
    pub tokens: Arc<Tokens>,
    /// What the challenges call what is behind the door.
    pub realm: Realm,
    /// Further ways to present a token.
    pub credentials: Arc<CredentialOptions>,
    /// Users who may do everything, with a token of full access.
    pub admins: BTreeSet<Subject>,
    /// Users who may introspect, with a token of full access: resource servers.
    pub introspectors: BTreeSet<Subject>,
    /// The address that the metadata of RFC 8414 names.
    pub issuer: Issuer,
    /// The origins whose pages may call this server from a browser; `/auth` is for proxies, and for none of them.
    pub cors_origins: Vec<Origin>,
    /// What one client, or many at once, cannot do.
    pub limits: Limits,
    /// What writes all metrics of the process; without it there is no `/metrics`.
    pub metrics: Option<Render>,
    /// Proxies whose `X-Forwarded-For` is believed: the access log has the address of the client behind them.
    pub trusted_proxies: Vec<TrustedProxy>,
    /// What joins requests to traces; without it they have no spans.
    pub trace: Option<Join>,
    /// Whether the process will end soon.
    pub retirement: Retirement,
}

impl Sidecar {
    /// Everything that it answers, as a tower service.
    pub fn service(self) -> SidecarService {
        let middleware = Middleware::new(&self);
        self.behind(middleware)
    }

    fn behind(self, middleware: Arc<Middleware>) -> SidecarService {
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

    /// It renews nothing: that is for requests that [`policy`] admits ([`Caller::admitted`](operations::Caller::admitted)).
    fn auth(&self) -> TokenAuth<Arc<dyn TokenStore>> {
        TokenAuth::new(self.tokens.clone()).accepting(self.credentials.clone()).peeking()
    }
}

fn routed(routes: Vec<(&'static str, MethodRouter<Arc<Sidecar>>)>) -> Router<Arc<Sidecar>> {
    let router =
        routes.into_iter().fold(Router::new(), |router, (path, methods)| router.route(path, methods));
    router.method_not_allowed_fallback(error::method_not_allowed)
}

/// Every path but those of [`forward_auth`] and [`watching`], and what may be done there. `openapi.json` says the same.
/// Pages of the listed origins may ask all of these.
fn routes() -> Vec<(&'static str, MethodRouter<Arc<Sidecar>>)> {
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
fn watching() -> Vec<(&'static str, MethodRouter<Arc<Sidecar>>)> {
    vec![
        ("/healthz", get(health::healthz)),
        ("/readyz", get(health::readyz)),
        ("/metrics", get(health::metrics)),
    ]
}

/// Without the store, which may know a password.
impl fmt::Debug for Sidecar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sidecar")
            .field("realm", &self.realm)
            .field("admins", &self.admins)
            .field("introspectors", &self.introspectors)
            .finish_non_exhaustive()
    }
}
