//! The store before it has answered for the first time: nothing can be found out.

use std::sync::Arc;

use async_trait::async_trait;
use token_core::spi::{TokenStore, Validating};
use token_core::{
    Committed, Grant, IdempotencyKey, IssueRequest, KeyRing, Listing, Mode, Once, ParsedToken, Requirement,
    Revocation, RevokeOutcome, StoreError, StoreErrorKind, Subject, TokenId, TokenState, TokenStatus,
    Verdict,
};

/// Answers to everything that the store cannot be asked yet. What is no token of this deployment is refused without it.
pub(crate) struct Waiting(pub(crate) Arc<KeyRing>);

fn not_yet() -> StoreError {
    StoreError::new(StoreErrorKind::Unavailable, "the store has not answered since this process started")
}

#[async_trait]
impl TokenStore for Waiting {
    fn keys(&self) -> &Arc<KeyRing> {
        &self.0
    }

    async fn issue(&self, _: TokenId, _: &IssueRequest) -> Result<Committed<Grant>, StoreError> {
        Err(not_yet())
    }

    async fn issue_once(
        &self,
        _: TokenId,
        _: &IssueRequest,
        _: &IdempotencyKey,
    ) -> Result<Once<Committed<Grant>>, StoreError> {
        Err(not_yet())
    }

    async fn confirm(&self, _: TokenId) -> Result<Committed<TokenState>, StoreError> {
        Err(not_yet())
    }

    fn validate<'a>(&'a self, _: ParsedToken, _: &'a Requirement, _: Mode) -> Validating<'a> {
        Box::pin(async { Err(not_yet()) })
    }

    async fn validate_many(
        &self,
        tokens: &[(ParsedToken, Requirement)],
        _: Mode,
    ) -> Vec<Result<Verdict, StoreError>> {
        tokens.iter().map(|_| Err(not_yet())).collect()
    }

    async fn show(&self, _: TokenId) -> Result<TokenStatus, StoreError> {
        Err(not_yet())
    }

    async fn list(&self, _: &Subject) -> Result<Listing, StoreError> {
        Err(not_yet())
    }

    async fn revoke(&self, _: TokenId, _: &Revocation) -> Result<Committed<RevokeOutcome>, StoreError> {
        Err(not_yet())
    }

    async fn revoke_subject(
        &self,
        _: &Subject,
        _: &Revocation,
    ) -> Result<Committed<Vec<TokenId>>, StoreError> {
        Err(not_yet())
    }

    async fn prune(&self) -> Result<u64, StoreError> {
        Err(not_yet())
    }
}
