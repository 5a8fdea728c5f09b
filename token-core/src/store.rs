//! The contract of a token store.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::access::{Mode, Requirement};
use crate::confirmation::Committed;
use crate::error::StoreError;
use crate::grant::Grant;
use crate::id::TokenId;
use crate::idempotency::{IdempotencyKey, Once};
use crate::keys::KeyRing;
use crate::listing::Listing;
use crate::names::Subject;
use crate::outcome::{RevokeOutcome, TokenState, TokenStatus};
use crate::request::IssueRequest;
use crate::token::ParsedToken;
use crate::tombstone::Revocation;
use crate::verdict::Verdict;

/// A validation under way.
///
/// Boxed once, so that wrappers can forward it without another allocation: no other method of a store is called as often.
pub type Validating<'a> = Pin<Box<dyn Future<Output = Result<Verdict, StoreError>> + Send + 'a>>;

/// Keeps the records of tokens, and answers questions about them.
///
/// # Contract
///
/// **Present = valid.** A token is valid only while its record is in the store. Losing data refuses tokens; it never
/// admits one.
///
/// **Atomicity.** Each method is one transition: others see it whole or not at all, whatever runs at the same time and
/// on whichever node. No order of calls brings a revoked token back.
///
/// **Time.** The store's clock decides, never a caller's. A record expires from the store when its lifetime ends.
///
/// **Answers and errors.** "No" is an answer. An `Err` means that the store could not find out, or could not make the
/// change: the caller must neither accept the token nor call it invalid. A record that does not decode, or whose seal does
/// not match, is an error ([`Corrupt`](crate::StoreErrorKind::Corrupt)) for a call about this one token, and is logged. A
/// call about several tokens continues with the others.
///
/// **Confirmation.** A change reports how durable it is known to be ([`Confirmation`](crate::Confirmation)). An unconfirmed
/// change is made, but one failure of a server may undo it; [`confirm`](TokenStore::confirm) waits for the confirmation
/// again, and so does a repeated revocation.
///
/// **Cancellation.** Dropping a future leaves the transition done or not done, never half done. The same holds for an
/// `Err` of a method that writes; repeating the call is safe.
///
/// **Deadlines.** Every method of a store behind a network ends by its own deadline
/// ([`validates_within`](Self::validates_within) returns that of a validation).
///
/// **Laziness.** A method does nothing before its future is polled for the first time.
///
/// The suite of the crate `token-conformance` checks any implementation against this contract;
/// [`MemoryStore`](crate::spi::MemoryStore) is the executable specification.
#[async_trait]
pub trait TokenStore: Send + Sync {
    /// The keys that seal this store's records. Tokens are made and checked with the same ring.
    fn keys(&self) -> &Arc<KeyRing>;

    /// Stores a new token's record and starts its lifetime.
    ///
    /// Refuses an id that belongs to another record or to a revoked token, or that is not in the subject's partition
    /// ([`Conflict`](crate::StoreErrorKind::Conflict)); a retry inside the store that finds its own record has
    /// succeeded. A token with a [`Parent`](crate::Parent) is issued only while the parent is live
    /// ([`ParentGone`](crate::StoreErrorKind::ParentGone)), and gets the deadlines that both allow. A store that must ask
    /// its server for the time first may find that a lifetime of milliseconds is over before the record is stored
    /// ([`TimedOut`](crate::StoreErrorKind::TimedOut)).
    async fn issue(&self, id: TokenId, request: &IssueRequest) -> Result<Committed<Grant>, StoreError>;

    /// Issues a token once for each idempotency key. The transition in which the first request with the key issues its token
    /// also stores the id of that token, for [`IdempotencyKey::RETENTION`]; the token's text is never stored.
    ///
    /// A repeat issues nothing. It returns the token that exists, and waits for its confirmation again. A request with the
    /// same key for something else is [`Once::Mismatched`]. A refused request does not use up its key.
    async fn issue_once(
        &self,
        id: TokenId,
        request: &IssueRequest,
        key: &IdempotencyKey,
    ) -> Result<Once<Committed<Grant>>, StoreError>;

    /// Waits again for the confirmation of the live token or the tombstone under an id. Renews nothing. Works on records
    /// that do not decode. For an unknown id there is nothing to confirm.
    async fn confirm(&self, id: TokenId) -> Result<Committed<TokenState>, StoreError>;

    /// Decides whether the presented token is live and meets the requirement, and renews a sliding token that does.
    ///
    /// Subject and permissions are checked before the renewal: a refused use does not prolong the token, and
    /// [`Mode::Peek`] never does. (A record that does not decode is never admitted. In a store that verifies the seal
    /// after the renewal, such a record may stay for one more window.)
    fn validate<'a>(&'a self, token: ParsedToken, requirement: &'a Requirement, mode: Mode)
    -> Validating<'a>;

    /// Renews a token that was validated with [`Mode::Peek`], after the caller has admitted its use. It answers as
    /// [`validate`](Self::validate) does. It is not another validation: stores do not count it as one.
    async fn renew(&self, token: ParsedToken, requirement: &Requirement) -> Result<Verdict, StoreError> {
        self.validate(token, requirement, Mode::Use).await
    }

    /// [`validate`](Self::validate) for many tokens, each with its own requirement; the answers are in the same order. Each
    /// token is decided independently: an error for one says nothing about the others.
    ///
    /// The default implementation validates one after the other.
    async fn validate_many(
        &self,
        tokens: &[(ParsedToken, Requirement)],
        mode: Mode,
    ) -> Vec<Result<Verdict, StoreError>> {
        let mut verdicts = Vec::with_capacity(tokens.len());
        for (token, requirement) in tokens {
            verdicts.push(self.validate(*token, requirement, mode).await);
        }
        verdicts
    }

    /// Finds out whether the store answers, with a query for a token that does not exist. It is not a validation: stores do
    /// not count it as one.
    async fn probe(&self, nonexistent: ParsedToken) -> Result<(), StoreError> {
        self.validate(nonexistent, &Requirement::any(), Mode::Peek).await.map(drop)
    }

    /// The time within which a validation ends in any case; `None` if nothing bounds it.
    fn validates_within(&self) -> Option<Duration> {
        None
    }

    /// What the store knows about the id. Renews nothing.
    async fn show(&self, id: TokenId) -> Result<TokenStatus, StoreError>;

    /// The live tokens of a subject, oldest first. Renews nothing. A record that does not decode has a row of its own,
    /// and hides no other token ([`Listing::unreadable`]).
    async fn list(&self, subject: &Subject) -> Result<Listing, StoreError>;

    /// Revokes a live token and leaves a [`Tombstone`](crate::Tombstone).
    ///
    /// Idempotent: a repeat returns [`RevokeOutcome::AlreadyRevoked`], keeps the time, actor and reason of the first
    /// revocation, and writes all the same, so that its confirmation is meaningful. Works on records that do not decode.
    async fn revoke(
        &self,
        id: TokenId,
        revocation: &Revocation,
    ) -> Result<Committed<RevokeOutcome>, StoreError>;

    /// Revokes all live tokens of a subject in one transition and returns their ids. A token that is issued at the same time
    /// is either among them or was issued after the transition.
    async fn revoke_subject(
        &self,
        subject: &Subject,
        revocation: &Revocation,
    ) -> Result<Committed<Vec<TokenId>>, StoreError>;

    /// Removes the remains of expired tokens (rows, index entries) and returns how many. Never needed for correctness. A
    /// store on a [`Clock`](crate::spi::Clock) keeps them for [`HOUSEKEEPING_LAG`](crate::spi::HOUSEKEEPING_LAG).
    async fn prune(&self) -> Result<u64, StoreError>;

    /// Whether the store could make a change at this moment, as far as it can find out. Readiness checks call it every
    /// second. The default implementation checks nothing.
    ///
    /// # Errors
    /// It could not make a change; the error is the one that a change would return.
    async fn keeps_changes(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

macro_rules! forward {
    ($pointer:ident) => {
        #[async_trait]
        #[deny(clippy::missing_trait_methods)]
        impl<S: TokenStore + ?Sized> TokenStore for $pointer<S> {
            fn keys(&self) -> &Arc<KeyRing> {
                (**self).keys()
            }
            async fn issue(
                &self,
                id: TokenId,
                request: &IssueRequest,
            ) -> Result<Committed<Grant>, StoreError> {
                (**self).issue(id, request).await
            }
            async fn issue_once(
                &self,
                id: TokenId,
                request: &IssueRequest,
                key: &IdempotencyKey,
            ) -> Result<Once<Committed<Grant>>, StoreError> {
                (**self).issue_once(id, request, key).await
            }
            async fn confirm(&self, id: TokenId) -> Result<Committed<TokenState>, StoreError> {
                (**self).confirm(id).await
            }
            fn validate<'a>(
                &'a self,
                token: ParsedToken,
                requirement: &'a Requirement,
                mode: Mode,
            ) -> Validating<'a> {
                (**self).validate(token, requirement, mode)
            }
            async fn renew(
                &self,
                token: ParsedToken,
                requirement: &Requirement,
            ) -> Result<Verdict, StoreError> {
                (**self).renew(token, requirement).await
            }
            async fn probe(&self, nonexistent: ParsedToken) -> Result<(), StoreError> {
                (**self).probe(nonexistent).await
            }
            fn validates_within(&self) -> Option<Duration> {
                (**self).validates_within()
            }
            async fn validate_many(
                &self,
                tokens: &[(ParsedToken, Requirement)],
                mode: Mode,
            ) -> Vec<Result<Verdict, StoreError>> {
                (**self).validate_many(tokens, mode).await
            }
            async fn show(&self, id: TokenId) -> Result<TokenStatus, StoreError> {
                (**self).show(id).await
            }
            async fn list(&self, subject: &Subject) -> Result<Listing, StoreError> {
                (**self).list(subject).await
            }
            async fn revoke(
                &self,
                id: TokenId,
                revocation: &Revocation,
            ) -> Result<Committed<RevokeOutcome>, StoreError> {
                (**self).revoke(id, revocation).await
            }
            async fn revoke_subject(
                &self,
                subject: &Subject,
                revocation: &Revocation,
            ) -> Result<Committed<Vec<TokenId>>, StoreError> {
                (**self).revoke_subject(subject, revocation).await
            }
            async fn prune(&self) -> Result<u64, StoreError> {
                (**self).prune().await
            }
            async fn keeps_changes(&self) -> Result<(), StoreError> {
                (**self).keeps_changes().await
            }
        }
    };
}

forward!(Arc);
forward!(Box);
