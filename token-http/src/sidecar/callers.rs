//! Who asks, by a live token of their own.

use http::Extensions;
use http::request::Parts;
use token_core::{Actor, Grant, Label, Revocation, Subject, Verdict};

use super::policy::{Roles, Ruling, Wish, rule};
use super::problem::Problem;
use super::{Sidecar, Tokens};
use crate::authenticated::Authenticated;
use crate::notes::Notes;
use crate::refusal::Refusal;

/// A caller who presented a live token of their own.
#[derive(Debug)]
pub(super) struct Caller<'a> {
    sidecar: &'a Sidecar,
    who: Authenticated,
    notes: Notes,
}

impl Sidecar {
    /// Whoever sent the request, by their own token.
    pub(super) async fn caller(&self, request: &Parts) -> Result<Caller<'_>, Problem> {
        let who = self.door().check(request).await;
        let who = who.map_err(|refusal| Problem::Refused(refusal, self.realm.clone()))?;
        Ok(self.let_in(who, &request.extensions))
    }

    /// Whoever was let in already.
    pub(super) fn let_in(&self, who: Authenticated, extensions: &Extensions) -> Caller<'_> {
        Caller { sidecar: self, who, notes: extensions.get().cloned().unwrap_or_default() }
    }
}

impl<'a> Caller<'a> {
    /// Whether they may do this.
    pub(super) fn rule(&self, wish: &Wish<'_>) -> Ruling {
        let Sidecar { admins, introspectors, .. } = self.sidecar;
        rule(Roles { admins, introspectors }, self.grant(), wish)
    }

    /// The request is well-formed and may be done, and so is a use of the token that they presented: it is renewed. Whatever
    /// is refused before prolongs nothing. A sliding token costs one more call of the store for it, others cost none.
    pub(super) async fn admitted(&self) -> Result<(), Problem> {
        let refusal = match self.who.renew().await {
            Ok(Verdict::Active(_)) => return Ok(()),
            Ok(Verdict::Inactive(reason)) => Refusal::from(reason),
            Err(error) => Refusal::Unknown(error),
        };
        Err(self.refused(refusal))
    }

    /// What is noted of their request.
    pub(super) fn notes(&self) -> &Notes {
        &self.notes
    }

    /// What the token that they presented grants.
    pub(super) fn grant(&self) -> &Grant {
        self.who.grant()
    }

    pub(super) fn subject(&self) -> &Subject {
        &self.grant().subject
    }

    /// Their name for the record of what they do. What can be a subject's name can be an actor's.
    pub(super) fn actor(&self) -> Option<Actor> {
        self.subject().as_str().parse().ok()
    }

    /// What is kept of a token that they revoke.
    pub(super) fn revocation(&self, why: Option<Label>) -> Revocation {
        Revocation { by: self.actor(), why }
    }

    /// Refuses a token in a text that is kept or logged. It is not repeated.
    pub(super) fn expect_no_token(&self, name: &str, text: Option<&str>) -> Result<(), Problem> {
        self.sidecar.expect_no_token(name, text)
    }

    /// The tokens that they ask about.
    pub(super) fn tokens(&self) -> &'a Tokens {
        &self.sidecar.tokens
    }

    /// Turned away after all.
    pub(super) fn refused(&self, refusal: Refusal) -> Problem {
        Problem::Refused(refusal, self.sidecar.realm.clone())
    }
}
