//! Queries about tokens, and maintenance of the store.

use std::time::Duration;

use super::{ServiceError, TokenService};
use crate::confirmation::Committed;
use crate::error::StoreError;
use crate::id::TokenId;
use crate::listing::Listing;
use crate::names::Subject;
use crate::outcome::{TokenState, TokenStatus};
use crate::partition::{PARTITIONS, Partition};
use crate::rng::seeded;
use crate::store::TokenStore;
use rand_chacha::rand_core::Rng;

impl<S: TokenStore> TokenService<S> {
    /// What the store knows about an id. Renews nothing.
    ///
    /// # Errors
    /// It could not be found out.
    pub async fn show(&self, id: TokenId) -> Result<TokenStatus, StoreError> {
        self.store.show(id).await
    }

    /// The live tokens of a subject, oldest first. Renews nothing.
    ///
    /// # Errors
    /// It could not be found out.
    pub async fn list(&self, subject: &Subject) -> Result<Listing, StoreError> {
        self.store.list(subject).await
    }

    /// Waits again for the confirmation of a token, or of its revocation. Renews nothing. A record is read afterwards: a
    /// damaged one stands for no live token.
    ///
    /// # Errors
    /// It could not be found out, or the record cannot be read.
    pub async fn confirm(&self, id: TokenId) -> Result<Committed<TokenState>, StoreError> {
        let change = self.store.confirm(id).await?;
        if change.outcome == TokenState::Live {
            self.store.show(id).await?;
        }
        Ok(change)
    }

    /// Removes the remains of expired tokens and returns how many. Never needed for correctness.
    ///
    /// # Errors
    /// The store could not be asked, or did not finish.
    pub async fn prune(&self) -> Result<u64, StoreError> {
        self.store.prune().await
    }

    /// Whether the store answers, about a token of a random partition that does not exist, and whether it could keep a change.
    ///
    /// # Errors
    /// It does not answer or could not keep a change, or no token could be made here.
    pub async fn probe(&self) -> Result<(), ServiceError> {
        let number = seeded(&*self.parts.random)?.next_u32() % u32::from(PARTITIONS);
        let partition = u16::try_from(number).ok().and_then(Partition::new);
        let Some(partition) = partition else { return Ok(()) };
        let nonexistent = self.generate(partition)?;
        if let Ok(token) = self.parse(nonexistent.expose_secret()) {
            self.store.probe(token).await?;
        }
        Ok(self.store.keeps_changes().await?)
    }

    /// The time within which a validation ends in any case; `None` if nothing bounds it.
    pub fn validates_within(&self) -> Option<Duration> {
        self.store.validates_within()
    }
}
