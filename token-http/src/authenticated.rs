//! The user who sent an authenticated request.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use secrecy::{ExposeSecret, SecretString};
use token_core::spi::TokenStore;
use token_core::{Grant, Requirement, StoreError, TokenService, Verdict};

/// The user who sent an authenticated request, and what their token grants.
///
/// In axum it is an extractor; elsewhere it is in the request's extensions. It is cheap to clone.
#[derive(Clone)]
pub struct Authenticated {
    grant: Arc<Grant>,
    again: Arc<dyn Again>,
}

impl Authenticated {
    pub(crate) fn new<S: TokenStore + 'static>(
        grant: Arc<Grant>,
        tokens: Arc<TokenService<S>>,
        token: SecretString,
        requirement: Requirement,
    ) -> Self {
        Self { grant, again: Arc::new(Presented { tokens, token, requirement }) }
    }

    /// What the token granted when the request came.
    #[must_use]
    pub fn grant(&self) -> &Grant {
        &self.grant
    }

    /// Validates the same token for the same requirement again, which counts as a use of it: for connections that stay open
    /// (WebSocket, server-sent events) and are to end when the token does.
    ///
    /// # Errors
    /// It could not be found out.
    pub async fn again(&self) -> Result<Verdict, StoreError> {
        self.again.validate().await
    }
}

impl Authenticated {
    /// Renews the token of a request that was let in by a look at it and is admitted now. A token that does not slide has
    /// nothing to renew, and the store is not asked. See [`TokenAuth::peeking`](crate::TokenAuth::peeking).
    ///
    /// # Errors
    /// It could not be found out whether the token is still valid.
    pub async fn renew(&self) -> Result<Verdict, StoreError> {
        match self.grant.deadlines.window() {
            Some(_) => self.again.renew().await,
            None => Ok(Verdict::Active(self.grant.clone())),
        }
    }
}

/// What can be validated again, whatever store it is in.
#[async_trait]
trait Again: Send + Sync {
    async fn validate(&self) -> Result<Verdict, StoreError>;

    async fn renew(&self) -> Result<Verdict, StoreError>;
}

/// What was presented.
struct Presented<S> {
    tokens: Arc<TokenService<S>>,
    token: SecretString,
    requirement: Requirement,
}

#[async_trait]
impl<S: TokenStore> Again for Presented<S> {
    async fn validate(&self) -> Result<Verdict, StoreError> {
        self.tokens.validate(self.token.expose_secret(), &self.requirement).await
    }

    async fn renew(&self) -> Result<Verdict, StoreError> {
        self.tokens.renew(self.token.expose_secret(), &self.requirement).await
    }
}

/// Shows the grant, and not the token.
impl fmt::Debug for Authenticated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authenticated").field("grant", &self.grant).finish_non_exhaustive()
    }
}
