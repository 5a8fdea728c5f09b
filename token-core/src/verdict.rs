//! The answer to "is this token valid?".

use std::sync::Arc;

use crate::grant::Grant;
use crate::scope::Scope;
use crate::token::MalformedToken;

/// The answer to a validation. If the store could not find out, the result is not a verdict but a
/// [`StoreError`](crate::StoreError).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The token is live and meets the requirement. All validations with the same answer share the grant.
    Active(Arc<Grant>),
    /// The token is not valid, for this reason.
    Inactive(Reason),
}

impl Verdict {
    /// The grant of an active token.
    #[must_use]
    pub fn grant(&self) -> Option<&Grant> {
        match self {
            Self::Active(grant) => Some(grant),
            Self::Inactive(_) => None,
        }
    }
}

/// Why a token is not valid: for logs and operators. Callers of a service get one generic sentence, except for
/// [`Reason::NotPermitted`], which they may learn (RFC 6750 §3.1, `insufficient_scope`).
#[derive(Debug, Clone, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Reason {
    /// The text is not a token of this deployment; no store was asked.
    #[error(transparent)]
    Malformed(#[from] MalformedToken),
    /// No record: expired, revoked, or never issued here.
    #[error("no such live token: it has expired, was revoked, or was never issued here")]
    NoSuchToken,
    /// The token speaks for another subject than the required one.
    #[error("the token belongs to another user")]
    WrongSubject,
    /// The token is live but its scopes do not cover the requirement.
    #[error("the token's scopes do not cover {missing}")]
    NotPermitted {
        /// The first required permission that is not covered.
        missing: Scope,
    },
}

impl Reason {
    /// A stable word for programs, metrics and logs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Malformed(_) => "malformed",
            Self::NoSuchToken => "unknown",
            Self::WrongSubject => "wrong_subject",
            Self::NotPermitted { .. } => "not_permitted",
        }
    }
}
