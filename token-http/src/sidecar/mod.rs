//! What `token-cli serve` answers: the token store for services of any language, behind any proxy.
//!
//! | path | for | follows |
//! |---|---|---|
//! | `/auth`, `/auth/…` | proxies that ask before they let a request through | nginx `auth_request`, Traefik ForwardAuth, Caddy `forward_auth`, Envoy `ext_authz` over HTTP |
//! | `/introspect` | resource servers | RFC 7662 |
//! | `/revoke` | holders and administrators | RFC 7009 |
//! | `/healthz`, `/readyz` | whoever watches over the process | |

mod callers;
mod demands;
mod forward_auth;
#[cfg(feature = "grpc")]
pub mod grpc;
mod health;
mod introspection;
mod problem;
mod revocation;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use axum::Router;
use axum::routing::{any, get, post};
use token_core::{Subject, TokenService, TokenStore};

use crate::auth::TokenAuth;
use crate::refusal::Realm;

/// Tokens in whatever store.
pub type Tokens = TokenService<Arc<dyn TokenStore>>;

/// What the sidecar answers with.
#[derive(Clone)]
pub struct Sidecar {
    /// The store.
    pub tokens: Arc<Tokens>,
    /// What the challenges call what is behind the door.
    pub realm: Realm,
    /// Users who may do everything, with a token of full access.
    pub admins: BTreeSet<Subject>,
    /// Users who may introspect, with a token of full access: resource servers.
    pub introspectors: BTreeSet<Subject>,
}

impl Sidecar {
    /// Everything that it answers.
    pub fn router(self) -> Router {
        Router::new()
            .route("/auth", any(forward_auth::by_query))
            .route("/auth/{*path}", any(forward_auth::by_header))
            .route("/introspect", post(introspection::introspect))
            .route("/revoke", post(revocation::revoke))
            .route("/healthz", get(health::healthz))
            .route("/readyz", get(health::readyz))
            .method_not_allowed_fallback(problem::method_not_allowed)
            .fallback(problem::not_found)
            .with_state(Arc::new(self))
    }

    fn door(&self) -> TokenAuth<Arc<dyn TokenStore>> {
        TokenAuth::new(self.tokens.clone()).realm(self.realm.clone())
    }
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
