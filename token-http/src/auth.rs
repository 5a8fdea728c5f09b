//! From a request to the user who sent it.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
#[cfg(feature = "axum")]
use http::Extensions;
use http::header;
use http::request::Parts;
use token_core::spi::TokenStore;
use token_core::{Mode, RequiredPermission, Requirement, Scope, TokenService};
use uuid::Uuid;

use crate::auth_error::AuthError;
use crate::authenticated::Authenticated;
use crate::credentials::{CredentialOptions, Credentials, InUrl};
use crate::realm::Realm;

/// Knows the tree of nodes: the folders that hold a node, up to the root, in any order.
///
/// A scope on a folder reaches what is below it, and only the service knows what that is.
#[async_trait]
pub trait Ancestors: Send + Sync {
    /// The folders that hold `node`.
    ///
    /// # Errors
    /// It could not be found out. The request is answered with 503: it is neither let in nor refused.
    async fn ancestors(&self, node: Uuid) -> Result<Vec<Uuid>, Box<dyn std::error::Error + Send + Sync>>;
}

/// What a route demands of a token, told from the request.
type Scopes = dyn Fn(&Parts) -> Vec<Scope> + Send + Sync;

/// Lets in requests that present a live token, and refuses all others.
///
/// As a tower layer, see [`TokenAuth::layer`](tower_layer::Layer::layer); by hand, see [`TokenAuth::admit`]. It is cheap
/// to clone.
pub struct TokenAuth<S> {
    tokens: Arc<TokenService<S>>,
    scopes: Option<Arc<Scopes>>,
    tree: Option<Arc<dyn Ancestors>>,
    in_url: InUrl,
    options: Arc<CredentialOptions>,
    realm: Arc<Realm>,
    mode: Mode,
}

impl<S> Clone for TokenAuth<S> {
    fn clone(&self) -> Self {
        let Self { tokens, scopes, tree, in_url, options, realm, mode } = self;
        Self {
            tokens: tokens.clone(),
            scopes: scopes.clone(),
            tree: tree.clone(),
            in_url: *in_url,
            options: options.clone(),
            realm: realm.clone(),
            mode: *mode,
        }
    }
}

impl<S: TokenStore + 'static> TokenAuth<S> {
    /// Demands nothing but a live token, in a header.
    pub fn new(tokens: Arc<TokenService<S>>) -> Self {
        Self {
            tokens,
            scopes: None,
            tree: None,
            in_url: InUrl::Refused,
            options: Arc::default(),
            realm: Arc::default(),
            mode: Mode::Use,
        }
    }

    /// Demands the scopes that this function reads from the request, all of them. A request that is refused for one of
    /// them does not renew its token.
    #[must_use]
    pub fn demanding(self, scopes: impl Fn(&Parts) -> Vec<Scope> + Send + Sync + 'static) -> Self {
        Self { scopes: Some(Arc::new(scopes)), ..self }
    }

    /// Counts scopes on the folders that hold a node, too.
    #[must_use]
    pub fn in_tree(self, tree: impl Ancestors + 'static) -> Self {
        Self { tree: Some(Arc::new(tree)), ..self }
    }

    /// Whether a token may come in the URL. Not by default.
    #[must_use]
    pub fn in_url(self, in_url: InUrl) -> Self {
        Self { in_url, ..self }
    }

    /// Further ways to present a token: for tools that fix the user name or the scheme. None by default.
    #[must_use]
    pub fn accepting(self, options: impl Into<Arc<CredentialOptions>>) -> Self {
        Self { options: options.into(), ..self }
    }

    /// The realm in challenges. Default `tokens`.
    #[must_use]
    pub fn realm(self, realm: Realm) -> Self {
        Self { realm: Arc::new(realm), ..self }
    }

    /// Renews nothing: whether the request is admitted is decided behind this, which then renews by
    /// [`Authenticated::renew`].
    #[must_use]
    pub fn peeking(self) -> Self {
        Self { mode: Mode::Peek, ..self }
    }

    /// Finds out who sent the request, and whether they may.
    ///
    /// The user is noted in the request's extensions, as [`Authenticated`]; the `Authorization` header is taken
    /// out, so that nothing behind this can pass it on or log it.
    ///
    /// # Errors
    /// They are not let in. [`AuthError::into_response`] makes the answer.
    pub async fn admit(&self, request: &mut Parts) -> Result<(), AuthError> {
        let authenticated = self.check(request).await?;
        request.headers.remove(header::AUTHORIZATION);
        request.extensions.insert(authenticated);
        Ok(())
    }

    /// The same without changing the request.
    ///
    /// # Errors
    /// They are not let in.
    pub async fn check(&self, request: &Parts) -> Result<Authenticated, AuthError> {
        let credentials = Credentials::of(request, self.in_url, &self.options)?
            .ok_or_else(|| Credentials::missing(&request.headers))?;
        self.check_credentials(request, credentials).await
    }

    /// The same for credentials that the service has read itself, from a form for example.
    ///
    /// # Errors
    /// They are not let in.
    pub async fn check_credentials(
        &self,
        request: &Parts,
        credentials: Credentials,
    ) -> Result<Authenticated, AuthError> {
        credentials.note(request, &self.tokens);
        let requirement = self.requirement(request, &credentials).await?;
        let grant = credentials.grant(&self.tokens, &requirement, self.mode).await?;
        Ok(Authenticated::new(grant, self.tokens.clone(), credentials.token, requirement))
    }

    async fn requirement(
        &self,
        request: &Parts,
        credentials: &Credentials,
    ) -> Result<Requirement, AuthError> {
        let mut requirement = credentials.requirement()?;
        for scope in self.scopes.iter().flat_map(|scopes| scopes(request)) {
            let folders = match &self.tree {
                Some(tree) => tree.ancestors(scope.node).await.map_err(AuthError::AncestorsUnavailable)?,
                None => Vec::new(),
            };
            requirement = requirement.permission(RequiredPermission::new(scope).with_ancestors(folders));
        }
        Ok(requirement)
    }

    pub(crate) fn shown_realm(&self) -> &Realm {
        &self.realm
    }
}

/// Who sent a request that was let in.
#[cfg(feature = "axum")]
pub(crate) fn authenticated(extensions: &Extensions) -> Option<&Authenticated> {
    extensions.get()
}

impl<S> fmt::Debug for TokenAuth<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenAuth")
            .field("in_url", &self.in_url)
            .field("realm", &self.realm)
            .finish_non_exhaustive()
    }
}
