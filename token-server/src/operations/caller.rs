//! Who asks, by a live token of their own.

use http::Extensions;
use http::request::Parts;
use token_core::{Actor, Grant, Label, Revocation, Subject, Verdict};

use super::policy::{Action, Decision, Roles, decide};
use crate::error::ApiError;
use crate::request::notes::Notes;
use crate::state::Sidecar;
use crate::store::Tokens;
use token_http::AuthError;
use token_http::Authenticated;

/// A caller who presented a live token of their own.
#[derive(Debug)]
pub(crate) struct Caller<'a> {
    sidecar: &'a Sidecar,
    who: Authenticated,
    notes: Notes,
}

impl Sidecar {
    /// The caller who sent the request, by their own token.
    pub(crate) async fn caller(&self, request: &Parts) -> Result<Caller<'_>, ApiError> {
        let who = self.auth().check(request).await;
        let who = who.map_err(|error| ApiError::Refused(error, self.realm.clone()))?;
        Ok(self.caller_of(who, &request.extensions))
    }

    /// The caller whom an auth layer has authenticated already.
    pub(crate) fn caller_of(&self, who: Authenticated, extensions: &Extensions) -> Caller<'_> {
        Caller { sidecar: self, who, notes: extensions.get().cloned().unwrap_or_default() }
    }
}

impl<'a> Caller<'a> {
    /// Whether they may do this.
    pub(crate) fn decide(&self, action: &Action<'_>) -> Decision {
        let Sidecar { admins, introspectors, .. } = self.sidecar;
        decide(Roles { admins, introspectors }, self.grant(), action)
    }

    /// The request is well-formed and may be done, and so is a use of the token that they presented: it is renewed. Whatever
    /// is refused before prolongs nothing. A sliding token costs one more call of the store for it, others cost none.
    pub(crate) async fn admitted(&self) -> Result<(), ApiError> {
        let error = match self.who.renew().await {
            Ok(Verdict::Active(_)) => return Ok(()),
            Ok(Verdict::Inactive(reason)) => AuthError::from(reason),
            Err(error) => AuthError::CouldNotCheck(error),
        };
        Err(self.refused(error))
    }

    /// What is noted of their request.
    pub(crate) fn notes(&self) -> &Notes {
        &self.notes
    }

    /// What the token that they presented grants.
    pub(crate) fn grant(&self) -> &Grant {
        self.who.grant()
    }

    pub(crate) fn subject(&self) -> &Subject {
        &self.grant().subject
    }

    /// Their name for the record of what they do. What can be a subject's name can be an actor's.
    pub(crate) fn actor(&self) -> Option<Actor> {
        self.subject().as_str().parse().ok()
    }

    /// What is kept of a token that they revoke.
    pub(crate) fn revocation(&self, why: Option<Label>) -> Revocation {
        Revocation { by: self.actor(), why }
    }

    /// Refuses a token in a text that is kept or logged. It is not repeated.
    pub(crate) fn expect_no_token(&self, name: &str, text: Option<&str>) -> Result<(), ApiError> {
        self.sidecar.expect_no_token(name, text)
    }

    /// The tokens that they ask about.
    pub(crate) fn tokens(&self) -> &'a Tokens {
        &self.sidecar.tokens
    }

    /// Turned away after all.
    pub(crate) fn refused(&self, error: AuthError) -> ApiError {
        ApiError::Refused(error, self.sidecar.realm.clone())
    }
}
