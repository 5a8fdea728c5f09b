//! Events: changes that a store has made.

use crate::confirmation::Confirmation;
use crate::grant::Grant;
use crate::id::TokenId;
use crate::names::Subject;
use crate::outcome::RevokeOutcome;
use crate::tombstone::Revocation;

/// Receives every change that a service has made.
///
/// The service calls it after the store has made the change, and before the caller has the answer. It must not block. `()`
/// records nothing.
pub trait EventSink: Send + Sync {
    /// The store has made this change.
    fn record(&self, event: &Event<'_>);
}

/// A change that a store has made. It contains no secret.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A token was issued.
    Issued {
        /// What it grants.
        grant: &'a Grant,
        /// How durable the issue is known to be.
        confirmation: Confirmation,
    },
    /// A token was revoked by this call or an earlier one.
    Revoked {
        /// The token.
        id: TokenId,
        /// Who revokes, and why.
        revocation: &'a Revocation,
        /// Whether it was live; never [`RevokeOutcome::Unknown`], which changes nothing.
        outcome: RevokeOutcome,
        /// How far the revocation is known to have gone.
        confirmation: Confirmation,
    },
    /// All live tokens of a subject were revoked.
    SubjectRevoked {
        /// The subject of the tokens.
        subject: &'a Subject,
        /// Who revokes, and why.
        revocation: &'a Revocation,
        /// The tokens that were live.
        ids: &'a [TokenId],
        /// How far the revocation is known to have gone.
        confirmation: Confirmation,
    },
}

/// Records nothing.
impl EventSink for () {
    fn record(&self, _: &Event<'_>) {}
}
