//! Revoking tokens.

use super::{Event, TokenService};
use crate::confirmation::Committed;
use crate::error::StoreError;
use crate::id::TokenId;
use crate::names::Subject;
use crate::outcome::RevokeOutcome;
use crate::store::TokenStore;
use crate::tombstone::Revocation;

impl<S: TokenStore> TokenService<S> {
    /// Revokes a live token by its public id. Repeating the call is safe, and waits for the confirmation again.
    ///
    /// # Errors
    /// The store could not be asked, or failed. The token may have been revoked all the same: repeat the call.
    pub async fn revoke(
        &self,
        id: TokenId,
        revocation: &Revocation,
    ) -> Result<Committed<RevokeOutcome>, StoreError> {
        let change = self.store.revoke(id, revocation).await?;
        let Committed { outcome, confirmation } = change;
        if outcome != RevokeOutcome::Unknown {
            self.parts.events.record(&Event::Revoked { id, revocation, outcome, confirmation });
        }
        Ok(change)
    }

    /// Revokes all live tokens of a subject in one transition and returns their ids.
    ///
    /// # Errors
    /// As [`revoke`](Self::revoke).
    pub async fn revoke_subject(
        &self,
        subject: &Subject,
        revocation: &Revocation,
    ) -> Result<Committed<Vec<TokenId>>, StoreError> {
        let change = self.store.revoke_subject(subject, revocation).await?;
        let (ids, confirmation) = (change.outcome.as_slice(), change.confirmation);
        self.parts.events.record(&Event::SubjectRevoked { subject, revocation, ids, confirmation });
        Ok(change)
    }
}
