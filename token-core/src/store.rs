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

/// Keeps the records of tokens and answers for them.
///
/// # Contract
///
/// **Present = valid.** A token is valid only while its record is in the store. Losing data refuses tokens; it never
/// admits one.
///
/// **Atomicity.** Each method is one transition: others see it whole or not at all, whatever runs at the same time and
/// on whichever node. No order of calls brings a revoked token back.
///
/// **Time.** The store's clock decides, never a caller's. A record leaves the store by itself when its lifetime ends.
///
/// **Answers and errors.** "No" is an answer. An `Err` says that it could not be found out or done: the caller must
/// neither accept nor call the token invalid. A record that does not decode, or whose seal does not fit, is an error
/// ([`Corrupt`](crate::StoreErrorKind::Corrupt)) for a call about this one token, and is logged. A call about several
/// tokens goes on with the others.
///
/// **Confirmation.** A change says how far it is known to have gone ([`Confirmation`](crate::Confirmation)). What is not
/// confirmed is done, but one failure of a server may undo it; [`confirm`](TokenStore::confirm) waits for it again, and a
/// repeated revocation does so, too.
///
/// **Cancellation.** Dropping a future leaves the transition done or not done, never half done. The same holds for an
/// `Err` of a method that writes; repeating the call is safe.
///
/// **Deadlines.** Every method of a store behind a network ends by a deadline of its own
/// ([`validates_within`](Self::validates_within) tells that of a validation).
///
/// **Questions.** Nothing is asked, and nothing answered, before a future is polled for the first time.
///
/// The suite of the crate `token-conformance` checks all of it against any implementation;
/// [`MemoryStore`](crate::spi::MemoryStore) is the executable specification.
#[async_trait]
pub trait TokenStore: Send + Sync {
    /// The keys that seal this store's records. Tokens are made and checked with the same ring.
    fn keys(&self) -> &Arc<KeyRing>;

    /// Keeps a new token's record and starts its lifetime.
    ///
    /// Refuses an id that is taken by another record or by a revoked token, or that is not of the subject's partition
    /// ([`Conflict`](crate::StoreErrorKind::Conflict)); a retry inside the store that finds its own record has
    /// succeeded. A token with a [`Parent`](crate::Parent) is issued only while that one is live
    /// ([`ParentGone`](crate::StoreErrorKind::ParentGone)), and gets the deadlines that both allow. A store that must ask its server for the time first may find that a lifetime of milliseconds is over
    /// before the record is kept ([`TimedOut`](crate::StoreErrorKind::TimedOut)).
    async fn issue(&self, id: TokenId, request: &IssueRequest) -> Result<Committed<Grant>, StoreError>;

    /// The same for a request that may be a repeat. In the one transition in which the first request with the key issues
    /// its token, the store notes which one that is, for [`IdempotencyKey::RETENTION`]; it never keeps the token's text.
    ///
    /// A repeat issues nothing. It answers which token there is, and waits for the confirmation of that one again. A
    /// request with the same key that asks for something else is [`Once::Mismatched`]. A request that is refused leaves its
    /// key free.
    async fn issue_once(
        &self,
        id: TokenId,
        request: &IssueRequest,
        key: &IdempotencyKey,
    ) -> Result<Once<Committed<Grant>>, StoreError>;

    /// Waits again for the confirmation of what the store keeps of an id, a live token or a tombstone. Renews nothing.
    /// Works on records that do not decode. Of an unknown id there is nothing to confirm.
    async fn confirm(&self, id: TokenId) -> Result<Committed<TokenState>, StoreError>;

    /// Answers whether the presented token is live and meets the requirement, and renews a sliding one that does.
    ///
    /// Subject and permissions are decided before the renewal: a refused use prolongs nothing. With [`Mode::Peek`]
    /// nothing is ever prolonged. (A record that does not decode is never admitted; where the seal is verified behind
    /// the renewal, its remains may stay a window longer.)
    fn validate<'a>(&'a self, token: ParsedToken, requirement: &'a Requirement, mode: Mode)
    -> Validating<'a>;

    /// Renews a token that was validated with [`Mode::Peek`], after somebody else than the store has admitted its use. It
    /// answers as [`validate`](Self::validate) does. It is no further validation, and stores that count those do not
    /// count it.
    async fn renew(&self, token: ParsedToken, requirement: &Requirement) -> Result<Verdict, StoreError> {
        self.validate(token, requirement, Mode::Use).await
    }

    /// [`validate`](Self::validate) for many tokens, each with a requirement of its own; the answers are in the same order. Each is decided for
    /// itself: one that could not be found out says nothing of the others.
    ///
    /// The default asks one after the other.
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

    /// Finds out whether the store answers, by asking about a token that does not exist. It is no validation, and stores
    /// that count those do not count it.
    async fn probe(&self, nonexistent: ParsedToken) -> Result<(), StoreError> {
        self.validate(nonexistent, &Requirement::any(), Mode::Peek).await.map(drop)
    }

    /// After how long a validation has ended, whatever happens; `None` where nothing bounds it.
    fn validates_within(&self) -> Option<Duration> {
        None
    }

    /// What the store knows of the id. Renews nothing.
    async fn show(&self, id: TokenId) -> Result<TokenStatus, StoreError>;

    /// The live tokens of a subject, oldest first. Renews nothing. A record that does not decode has a row of its own,
    /// and hides no other token ([`Listing::unreadable`]).
    async fn list(&self, subject: &Subject) -> Result<Listing, StoreError>;

    /// Ends a live token and leaves a [`Tombstone`](crate::Tombstone).
    ///
    /// Idempotent: a repeat answers [`RevokeOutcome::AlreadyRevoked`], keeps the first revocation's facts, and writes
    /// all the same, so that waiting for its confirmation means something. Works on records that do not decode.
    async fn revoke(
        &self,
        id: TokenId,
        revocation: &Revocation,
    ) -> Result<Committed<RevokeOutcome>, StoreError>;

    /// Ends all live tokens of a subject in one transition and returns their ids. A token that is issued meanwhile is
    /// either among them or was issued after it.
    async fn revoke_subject(
        &self,
        subject: &Subject,
        revocation: &Revocation,
    ) -> Result<Committed<Vec<TokenId>>, StoreError>;

    /// Clears away what expiry left behind (rows, index entries) and returns how many. Never needed for correctness. A
    /// store on a [`Clock`](crate::spi::Clock) keeps what expired for [`HOUSEKEEPING_LAG`](crate::spi::HOUSEKEEPING_LAG).
    async fn prune(&self) -> Result<u64, StoreError>;

    /// Whether the store could keep a change now, as far as it can find that out. It is asked by readiness checks, every
    /// second. The default does not look.
    ///
    /// # Errors
    /// It could not, for the reason that a change would fail with.
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
