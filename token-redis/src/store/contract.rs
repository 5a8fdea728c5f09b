//! The contract of a store: the calls of each operation, and the meaning of the replies.

use std::time::Duration;

use async_trait::async_trait;
use redis::Value;
use std::sync::Arc;
use token_core::spi::{SubjectHash, TokenStore, TombstoneError, Validating};
use token_core::{
    Committed, Confirmation, Grant, IdempotencyKey, IssueRequest, KeyRing, Listing, Mode, Once, ParsedToken,
    Repeated, Requirement, Revocation, RevokeOutcome, StoreError, Subject, Timestamp, TokenId, TokenState,
    TokenStatus, Tombstone, Verdict,
};

use super::RedisStore;
use super::issue::Answered;
use super::operations::Members;
use crate::operation_context::OperationContext;
use crate::options::Options;
use crate::prune::Walk;
use crate::script::{self, Call, answer};

/// How often to try a script over all tokens of a subject if other callers change the tokens meanwhile.
const TRIES: usize = 16;

#[async_trait]
impl TokenStore for RedisStore {
    fn keys(&self) -> &Arc<KeyRing> {
        &self.keys
    }

    async fn issue(&self, id: TokenId, request: &IssueRequest) -> Result<Committed<Grant>, StoreError> {
        match self.issue_or_repeat(id, request, None).await? {
            Answered::Issued(change) => Ok(change),
            Answered::Repeated(_) | Answered::Mismatched => Err(self.attempt("issue").not_understood()),
        }
    }

    /// A repeat takes two more calls: one that waits for the confirmation of the token, and one that reads it.
    async fn issue_once(
        &self,
        id: TokenId,
        request: &IssueRequest,
        key: &IdempotencyKey,
    ) -> Result<Once<Committed<Grant>>, StoreError> {
        match self.issue_or_repeat(id, request, Some(key.entry(request))).await? {
            Answered::Issued(change) => Ok(Once::Issued(change)),
            Answered::Mismatched => Ok(Once::Mismatched),
            Answered::Repeated(id) => {
                let Committed { confirmation, .. } = self.confirm(id).await?;
                Ok(Once::Repeated(Repeated { id, known: self.show(id).await?, confirmation }))
            }
        }
    }

    async fn confirm(&self, id: TokenId) -> Result<Committed<TokenState>, StoreError> {
        let (attempt, names) = (self.attempt("confirm"), &self.options.namespace);
        let keys = vec![names.record(id), names.tombstone(id)];
        let call = Call { script: &script::CONFIRM, keys, arguments: Vec::new() };
        let Committed { outcome, confirmation } = self.change(attempt, id.partition(), &call).await?;
        let outcome = match outcome.split() {
            (b"live", []) => TokenState::Live,
            (b"revoked", []) => TokenState::Revoked,
            // Nothing was written, so there is nothing to confirm.
            (b"unknown", []) => {
                return Ok(Committed { outcome: TokenState::Unknown, confirmation: Confirmation::LOCAL });
            }
            _ => return Err(attempt.not_understood()),
        };
        Ok(Committed { outcome, confirmation })
    }

    /// Sends at most one command, on the connection that all validations share.
    fn validate<'a>(
        &'a self,
        token: ParsedToken,
        requirement: &'a Requirement,
        mode: Mode,
    ) -> Validating<'a> {
        self.validation.one(token, requirement, mode)
    }

    fn validates_within(&self) -> Option<Duration> {
        // A request may have to wait for the call of another request, and then for its own.
        Some(2 * self.options.validate_deadline)
    }

    /// Sends one command for up to 64 tokens; in a cluster, for those of one partition.
    async fn validate_many(
        &self,
        tokens: &[(ParsedToken, Requirement)],
        mode: Mode,
    ) -> Vec<Result<Verdict, StoreError>> {
        self.validation.many(tokens, mode).await
    }

    async fn show(&self, id: TokenId) -> Result<TokenStatus, StoreError> {
        let (attempt, names) = (self.attempt("show"), &self.options.namespace);
        let keys = vec![names.record(id), names.tombstone(id)];
        let call = Call { script: &script::SHOW, keys, arguments: Vec::new() };
        let answer = self.call(attempt, id.partition(), &call).await?;
        match answer.split() {
            (b"live", [record, Value::Int(dies_at), Value::Int(now)]) => {
                let grant = self.grant(id, record, *dies_at, answer::time(*now));
                let status = grant.map(|grant| grant.map_or(TokenStatus::Unknown, TokenStatus::Live));
                status.map_err(|error| StoreError::corrupt(id, error))
            }
            (b"revoked", [Value::BulkString(tombstone)]) => {
                Tombstone::decode(names.place(id), tombstone, &self.keys)
                    .map(TokenStatus::Revoked)
                    .map_err(|error| StoreError::corrupt_tombstone(id, error))
            }
            (b"revoked", [Value::Int(0)]) => Err(StoreError::corrupt_tombstone(id, TombstoneError)),
            (b"unknown", []) => Ok(TokenStatus::Unknown),
            _ => Err(attempt.not_understood()),
        }
    }

    async fn list(&self, subject: &Subject) -> Result<Listing, StoreError> {
        let (attempt, names) = (self.attempt("list"), &self.options.namespace);
        let hash = SubjectHash::of(subject);
        for _ in 0..TRIES {
            let Members { ids, others } = self.members_untouched(attempt, hash).await?;
            let records = ids.iter().map(|&id| names.record(id));
            let keys = std::iter::once(names.index(hash)).chain(records).collect();
            let arguments = ids.iter().map(|id| id.text().to_vec()).chain(others).collect();
            let call = Call { script: &script::LIST, keys, arguments };
            let answer = self.call(attempt, hash.partition, &call).await?;
            match answer.split() {
                (b"changed", []) => {}
                (b"listed", [Value::Int(now), rows @ ..]) => {
                    return self.listing(attempt, answer::time(*now), rows);
                }
                _ => return Err(attempt.not_understood()),
            }
        }
        Err(attempt.contended())
    }

    async fn revoke(
        &self,
        id: TokenId,
        revocation: &Revocation,
    ) -> Result<Committed<RevokeOutcome>, StoreError> {
        let (attempt, names) = (self.attempt("revoke"), &self.options.namespace);
        let keys = vec![names.record(id), names.tombstone(id)];
        let mut arguments = burial(revocation, &self.options);
        arguments.push(id.text().to_vec());
        let call = Call { script: &script::REVOKE, keys, arguments };
        let Committed { outcome, confirmation } = self.change(attempt, id.partition(), &call).await?;
        self.forget(id.partition());
        let outcome = match outcome.split() {
            (b"revoked", []) => RevokeOutcome::Revoked,
            (b"already_revoked", []) => RevokeOutcome::AlreadyRevoked,
            // Nothing was written, so there is nothing to confirm.
            (b"unknown", []) => {
                return Ok(Committed { outcome: RevokeOutcome::Unknown, confirmation: Confirmation::LOCAL });
            }
            _ => return Err(attempt.not_understood()),
        };
        Ok(Committed { outcome, confirmation })
    }

    async fn revoke_subject(
        &self,
        subject: &Subject,
        revocation: &Revocation,
    ) -> Result<Committed<Vec<TokenId>>, StoreError> {
        let (attempt, names) = (self.attempt("revoke the user's tokens"), &self.options.namespace);
        let hash = SubjectHash::of(subject);
        for _ in 0..TRIES {
            let ids = self.members(attempt, hash).await?;
            let mut keys = vec![names.index(hash), names.subject_tombstone(hash)];
            keys.extend(ids.iter().flat_map(|&id| [names.record(id), names.tombstone(id)]));
            let mut arguments = burial(revocation, &self.options);
            arguments.extend(ids.iter().map(|id| id.text().to_vec()));
            let call = Call { script: &script::REVOKE_SUBJECT, keys, arguments };
            let Committed { outcome, confirmation } = self.change(attempt, hash.partition, &call).await?;
            self.forget(hash.partition);
            match outcome.split() {
                (b"changed", []) => {}
                (b"revoked", ids) => return Ok(Committed { outcome: answer::ids(ids), confirmation }),
                _ => return Err(attempt.not_understood()),
            }
        }
        Err(attempt.contended())
    }

    /// The deadline applies to each step of the walk; the total time depends on the size of the store.
    async fn prune(&self) -> Result<u64, StoreError> {
        let walk = Walk::begin(&self.options.namespace, &self.pools);
        let mut walk = self.attempt("prune").redis(walk).await?;
        loop {
            if let Some(pruned) = self.attempt("prune").redis(walk.step()).await? {
                return Ok(pruned);
            }
        }
    }
}

impl RedisStore {
    /// Parses the rows of a listing: id, record and expiry, in turn.
    fn listing(
        &self,
        attempt: OperationContext<'_>,
        now: Timestamp,
        rows: &[Value],
    ) -> Result<Listing, StoreError> {
        let read = |row: &[Value; 3]| {
            let [id, record, Value::Int(dies_at)] = row else { return None };
            let id = answer::id(id)?;
            Some((id, self.grant(id, record, *dies_at, now).transpose()))
        };
        let rows: Option<Vec<_>> = rows.as_chunks().0.iter().map(read).collect();
        let rows = rows.ok_or_else(|| attempt.not_understood())?;
        Ok(Listing::of(rows.into_iter().filter_map(|(id, row)| row.map(|row| (id, row)))))
    }
}

/// The first arguments of the revoke scripts: the encoded reason, how long to keep the tombstone, and the channel.
fn burial(revocation: &Revocation, options: &Options) -> Vec<Vec<u8>> {
    let retention = options.tombstone_retention.as_millis().to_string();
    vec![revocation.to_remark(), retention.into_bytes(), options.namespace.revocations().into_bytes()]
}
