//! Issuing a token, in two calls.

use redis::Value;
use token_core::spi::{IdempotencyEntry, Record};
use token_core::{Committed, Grant, IdempotencyKey, IssueRequest, StoreError, TokenId};
use tokio::time::Instant;

use super::RedisStore;
use super::operations::INDEX;
use crate::keys::Namespace;
use crate::script::{self, Call, answer, is_of_another_type};

/// How many of a subject's other tokens an issue checks, to remove expired ones from the index.
const SAMPLED: usize = 8;

/// The entry of an idempotency key, in errors.
const NOTE: &str = "what this idempotency key has issued";

/// The reply of `issue.lua`.
pub(super) enum Answered {
    Issued(Committed<Grant>),
    /// The token that an earlier request with the idempotency key issued.
    Repeated(TokenId),
    Mismatched,
}

impl RedisStore {
    /// Makes two calls: the first reads the server's time, because the seal covers the deadlines, and the second issues.
    pub(super) async fn issue_or_repeat(
        &self,
        id: TokenId,
        request: &IssueRequest,
        once: Option<IdempotencyEntry>,
    ) -> Result<Answered, StoreError> {
        let (attempt, names) = (self.attempt("issue"), &self.options.namespace);
        let index = names.index(request.home_of(id).ok_or_else(|| StoreError::id_of_another(id))?);

        // Refuse the key file of another deployment: no node of this one would accept the token.
        if self.options.note_keys {
            let until = Instant::now() + self.options.deadline / 2;
            self.noted.before_issue(&self.keys, names, &self.pools, until).await.require("issue")?;
        }

        let prepared = Call {
            script: &script::PREPARE_ISSUE,
            keys: vec![index.clone()],
            arguments: vec![SAMPLED.to_string().into_bytes()],
        };
        let slot = Namespace::slot(id.partition());
        let prepared = match self.pools.on_primary(slot, &prepared, attempt.until()).await {
            Ok(Err(error)) if is_of_another_type(&error) => {
                return Err(attempt.of_another_type(INDEX, &index).caused_by(error));
            }
            prepared => attempt.ended(prepared)?,
        };
        let Value::Array(prepared) = prepared else { return Err(attempt.not_understood()) };
        let [Value::Int(now), others @ ..] = prepared.as_slice() else {
            return Err(attempt.not_understood());
        };
        let mut others = answer::ids(others);
        // A key of another partition would be in another slot.
        others.retain(|other| other.partition() == id.partition());

        let record = Record::new(request, answer::time(*now));
        let parent = request.parent.map(|parent| names.record(parent.id()));
        let parents = if parent.is_some() { b"1" } else { b"0" };
        let mut keys = vec![names.record(id), names.tombstone(id), index];
        keys.extend(parent);
        let note = once.map(|entry| names.issued_once(id.partition(), entry.name));
        keys.extend(note.clone());
        keys.extend(others.iter().map(|&other| names.record(other)));
        let fingerprint = once.map(|entry| entry.fingerprint.to_be_bytes().to_vec()).unwrap_or_default();
        let retention = IdempotencyKey::RETENTION.as_millis().to_string().into_bytes();
        let (bytes, text) = (record.encode(names.place(id), &self.keys), id.text().to_vec());
        let mut arguments = vec![bytes, text, parents.to_vec(), fingerprint, retention];
        arguments.extend(others.iter().map(|other| other.text().to_vec()));

        let call = Call { script: &script::ISSUE, keys, arguments };
        let Committed { outcome, confirmation } = self.change(attempt, id.partition(), &call).await?;
        match outcome.split() {
            (b"issued", [Value::Int(dies_at)]) => {
                let end = record.deadlines().end(answer::time(*dies_at));
                let outcome = record.into_grant(id, end);
                Ok(Answered::Issued(Committed { outcome, confirmation }))
            }
            (b"repeated", [id]) => {
                answer::id(id).map(Answered::Repeated).ok_or_else(|| attempt.not_understood())
            }
            (b"mismatched", []) => Ok(Answered::Mismatched),
            (b"taken", []) => Err(StoreError::id_taken(id)),
            (b"orphan", []) => Err(StoreError::parent_gone(id)),
            (b"foreign", []) => Err(attempt.of_another_type(NOTE, &note.unwrap_or_default())),
            (b"late", []) => Err(attempt.too_late()),
            _ => Err(attempt.not_understood()),
        }
    }
}
