//! Admitting requests that come through a proxy: their token is used here.

use std::sync::Arc;

use http::HeaderMap;
use token_core::{Grant, Mode, RequiredPermission, Requirement, TokenId};

use crate::error::ApiError;
use crate::request::requirements::Requirements;
use crate::state::Sidecar;
use token_http::AuthError;
use token_http::Credentials;

impl Sidecar {
    /// What the token in the headers grants, if the request may come through.
    pub(crate) async fn admit(
        &self,
        headers: &HeaderMap,
        requirements: Requirements,
    ) -> Result<Arc<Grant>, ApiError> {
        let needs = requirements.and_in(headers)?.permissions();
        self.granted(headers, needs).await.map_err(|error| self.stopped(error))
    }

    async fn granted(
        &self,
        headers: &HeaderMap,
        needs: Vec<RequiredPermission>,
    ) -> Result<Arc<Grant>, AuthError> {
        let credentials = Credentials::in_headers(headers, &self.credentials)?
            .ok_or_else(|| Credentials::missing(headers))?;
        let requirement = needs.into_iter().fold(credentials.requirement()?, Requirement::permission);
        credentials.grant(&self.tokens, &requirement, Mode::Use).await
    }

    /// Which token the headers of a request present, whether it is valid or not.
    pub(crate) fn presented(&self, headers: &HeaderMap) -> Option<TokenId> {
        Credentials::in_headers(headers, &self.credentials).ok()??.token_id(&self.tokens)
    }

    /// The error with a status that all proxies know: 401, 403 or 503.
    pub(crate) fn stopped(&self, error: AuthError) -> ApiError {
        ApiError::Stopped(error, self.realm.clone())
    }
}
