//! What is asked for at issue.

use crate::access::Access;
use crate::id::TokenId;
use crate::lifetime::Lifetime;
use crate::names::{Actor, Label, Subject};
use crate::partition::SubjectHash;

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
}

impl IssueRequest {
    /// A request without label and issuer.
    #[must_use]
    pub fn new(subject: Subject, access: Access, lifetime: Lifetime) -> Self {
        Self { subject, access, lifetime, label: None, issuer: None }
    }

    /// The hash of the subject, if the keys of token `id` live where the subject's do. A record under any other id could
    /// never be read again.
    #[must_use]
    pub fn home_of(&self, id: TokenId) -> Option<SubjectHash> {
        Some(SubjectHash::of(&self.subject)).filter(|hash| hash.partition == id.partition())
    }
}
