//! The request to issue a token.

use crate::access::Access;
use crate::grant::Grant;
use crate::id::TokenId;
use crate::lifetime::{Deadlines, Lifetime};
use crate::names::{Actor, Label, Subject};
use crate::partition::SubjectHash;
use crate::timestamp::Timestamp;

/// A request to issue a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssueRequest {
    /// The user the token speaks for.
    pub subject: Subject,
    /// What it may access.
    pub access: Access,
    /// How long it lives.
    pub lifetime: Lifetime,
    /// What it is for.
    pub label: Option<Label>,
    /// Who issues it.
    pub issuer: Option<Actor>,
    /// The token of the same user that issues it, if there is one; the new token must not exceed it.
    pub parent: Option<Parent>,
}

/// A live token that issues another token to its own user. The child never exceeds it.
///
/// Every store enforces this in the transition that issues, by its own clock: the parent must be live, and the child's
/// deadlines are clamped to the parent's ([`Deadlines::and`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parent {
    id: TokenId,
    subject: SubjectHash,
    deadlines: Deadlines,
}

impl Parent {
    /// The token with this grant, if it may issue. A token that is restricted to scopes may not: only the service knows
    /// what is below a node, so the store could not compare the child's scopes with the parent's.
    #[must_use]
    pub fn of(grant: &Grant) -> Option<Self> {
        let Grant { id, ref subject, deadlines, .. } = *grant;
        (grant.access == Access::Full).then(|| Self { id, subject: SubjectHash::of(subject), deadlines })
    }

    /// The token's public handle.
    #[must_use]
    pub fn id(&self) -> TokenId {
        self.id
    }
}

impl IssueRequest {
    /// A request without label, issuer and parent.
    #[must_use]
    pub fn new(subject: Subject, access: Access, lifetime: Lifetime) -> Self {
        Self { subject, access, lifetime, label: None, issuer: None, parent: None }
    }

    /// The hash of the subject, if token `id` is in the subject's partition and the parent, if any, belongs to the subject. A
    /// record under any other id could never be read again.
    #[must_use]
    pub fn home_of(&self, id: TokenId) -> Option<SubjectHash> {
        let hash = SubjectHash::of(&self.subject);
        let is_home = hash.partition == id.partition();
        let is_parents = self.parent.is_none_or(|parent| parent.subject == hash);
        (is_home && is_parents).then_some(hash)
    }

    /// The deadlines of the token if it is issued at `now`: those that both the lifetime and the parent allow.
    #[must_use]
    pub fn deadlines(&self, now: Timestamp) -> Deadlines {
        let asked = self.lifetime.starting(now);
        self.parent.map_or(asked, |parent| asked.and(parent.deadlines))
    }
}
