//! What is asked for at issue.

use crate::access::Access;
use crate::grant::Grant;
use crate::id::TokenId;
use crate::lifetime::{Deadlines, Lifetime};
use crate::names::{Actor, Label, Subject};
use crate::partition::SubjectHash;
use crate::timestamp::Timestamp;

/// What is asked for at issue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssueRequest {
    /// The user the token speaks for.
    pub subject: Subject,
    /// What it may reach.
    pub access: Access,
    /// How long it lives.
    pub lifetime: Lifetime,
    /// What it is for.
    pub label: Option<Label>,
    /// Who issues it.
    pub issuer: Option<Actor>,
    /// The token that issues it, when that is one of the same user, which the new one must not exceed.
    pub parent: Option<Parent>,
}

/// A live token that issues another one to its own user. The child never exceeds it.
///
/// Every store keeps to this in the transition that issues, and by its own clock: the parent is live then, and the child
/// gets of the deadlines that it asks for what the parent's allow ([`Deadlines::and`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parent {
    id: TokenId,
    subject: SubjectHash,
    deadlines: Deadlines,
}

impl Parent {
    /// The token with this grant, if it may issue. One that is restricted to scopes may not: only the service knows what
    /// lies below a node, so nothing could be compared with what its child asks for.
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

    /// The hash of the subject, if the keys of token `id` live where the subject's do, and the parent is the subject's,
    /// too. A record under any other id could never be read again.
    #[must_use]
    pub fn home_of(&self, id: TokenId) -> Option<SubjectHash> {
        let hash = SubjectHash::of(&self.subject);
        let is_home = hash.partition == id.partition();
        let is_parents = self.parent.is_none_or(|parent| parent.subject == hash);
        (is_home && is_parents).then_some(hash)
    }

    /// The deadlines of the token, issued at `now`: what the lifetime and the parent both allow.
    #[must_use]
    pub fn deadlines(&self, now: Timestamp) -> Deadlines {
        let asked = self.lifetime.starting(now);
        self.parent.map_or(asked, |parent| asked.and(parent.deadlines))
    }
}
