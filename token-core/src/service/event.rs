//! What happened to tokens.

use crate::confirmation::Confirmation;
use crate::grant::Grant;
use crate::id::TokenId;
use crate::names::Subject;
use crate::outcome::RevokeOutcome;
use crate::tombstone::Revocation;

/// Learns of every change that a service has made.
///
/// It is called after the store has made the change, and before the caller has the answer. It must not block. `()` records
/// nothing.
pub trait EventSink: Send + Sync {
    /// The store has made this change.
    fn record(&self, event: &Event<'_>);
}

/// A change that a store has made. It holds no secret.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A token was issued.
    Issued {
        /// What it grants.
        grant: &'a Grant,
        /// How far the issue is known to have gone.
        confirmation: Confirmation,
    },
    /// A token was revoked, now or before.
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
        /// Whose tokens.
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
