//! From credentials to a grant: what they require by themselves, and one validation.

use std::sync::Arc;

use http::HeaderMap;
use secrecy::ExposeSecret;
use token_core::spi::TokenStore;
use token_core::{Grant, Mode, Reason, Requirement, TokenService, Verdict};

use crate::auth_error::AuthError;
use crate::credentials::{Credentials, CredentialsError};

impl Credentials {
    /// Why headers that present nothing of ours do so.
    #[must_use]
    pub fn missing(headers: &HeaderMap) -> AuthError {
        Self::foreign_scheme(headers).map_or(AuthError::NoCredentials, Into::into)
    }

    /// What they demand of the token by themselves: that it is the user's.
    ///
    /// # Errors
    /// No token can be of a user of that name.
    pub fn requirement(&self) -> Result<Requirement, AuthError> {
        let Some(user) = &self.user else { return Ok(Requirement::any()) };
        // A text that no subject can be called is no token's subject either.
        let subject = user.parse().map_err(|_| Reason::WrongSubject)?;
        Ok(Requirement::any().subject(subject))
    }

    /// What the token grants, if it is live and meets the requirement; with [`Mode::Peek`] that is no use of it.
    ///
    /// # Errors
    /// The token is not valid, does not meet the requirement, or it could not be found out.
    pub async fn grant<S: TokenStore>(
        &self,
        tokens: &TokenService<S>,
        requirement: &Requirement,
        mode: Mode,
    ) -> Result<Arc<Grant>, AuthError> {
        let token = self.token.expose_secret();
        let verdict = match mode {
            Mode::Use => tokens.validate(token, requirement).await,
            Mode::Peek => tokens.peek(token, requirement).await,
        };
        match verdict? {
            Verdict::Active(grant) => Ok(grant),
            Verdict::Inactive(Reason::Malformed(_)) if self.is_turned_around(tokens) => {
                Err(CredentialsError::TokenAsUserName.into())
            }
            Verdict::Inactive(reason) => Err(reason.into()),
        }
    }

    /// Whether the user name is a token.
    fn is_turned_around<S: TokenStore>(&self, tokens: &TokenService<S>) -> bool {
        self.user.as_deref().is_some_and(|user| tokens.parse(user).is_ok())
    }
}
