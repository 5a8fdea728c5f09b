//! Who asks, and what they may ask.

use http::request::Parts;
use token_core::{Access, Actor, Grant, Label, Revocation, Subject};

use super::Sidecar;
use super::problem::Problem;
use crate::authenticated::Authenticated;

/// A caller who presented a live token of their own.
#[derive(Debug)]
pub(super) struct Caller<'a> {
    sidecar: &'a Sidecar,
    who: Authenticated,
}

impl Sidecar {
    /// Whoever sent the request, by their own token.
    pub(super) async fn caller(&self, request: &Parts) -> Result<Caller<'_>, Problem> {
        let who = self.door().check(request).await;
        let who = who.map_err(|refusal| Problem::Refused(refusal, self.realm.clone()))?;
        Ok(self.let_in(who))
    }

    /// Whoever was let in already.
    pub(super) fn let_in(&self, who: Authenticated) -> Caller<'_> {
        Caller { sidecar: self, who }
    }
}

impl Caller<'_> {
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

    /// A restricted token speaks for its scopes, not for its user: it administers nothing.
    pub(super) fn is_admin(&self) -> bool {
        self.has_full_access() && self.sidecar.admins.contains(self.subject())
    }

    pub(super) fn may_introspect(&self) -> bool {
        self.is_admin() || self.has_full_access() && self.sidecar.introspectors.contains(self.subject())
    }

    pub(super) fn has_full_access(&self) -> bool {
        self.grant().access == Access::Full
    }
}
