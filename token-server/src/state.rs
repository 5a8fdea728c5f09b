//! What requests are answered with, on every surface.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use token_core::Subject;
use token_core::spi::TokenStore;
use token_http::{CredentialOptions, Realm, TokenAuth};

use crate::limits::Limits;
use crate::request::client::TrustedProxy;
use crate::retirement::Retirement;
use crate::settings::issuer::Issuer;
use crate::settings::origin::Origin;
use crate::store::Tokens;
use crate::telemetry::metrics::Render;
use crate::telemetry::trace::Join;

/// What the sidecar answers with.
#[derive(Clone)]
pub struct Sidecar {
    /// The store.
    pub tokens: Arc<Tokens>,
    /// The realm in challenges.
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
    /// It renews nothing: that is for requests that [`policy`](crate::operations::policy) admits
    /// ([`Caller::admitted`](crate::operations::Caller::admitted)).
    pub(crate) fn auth(&self) -> TokenAuth<Arc<dyn TokenStore>> {
        TokenAuth::new(self.tokens.clone()).accepting(self.credentials.clone()).peeking()
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
