//! What a store keeps of a token: one sealed string of bytes.
//!
//! ```text
//! offset  bytes  holds
//!      0      1  format version, 1
//!      1      1  flags: 1 slides, 2 has a hard expiry, 4 full access
//!      2      1  version of the store key that sealed it
//!      3      6  sliding window, ms (0 without)
//!      9      6  hard expiry, ms since 1970 (0 without)
//!     15      8  subject check
//!     23      2  number of scopes (0 with full access)
//!     25      8  seal
//!     33   17·n  scopes: 16 bytes of node, 1 of permission bits
//!      …      …  MessagePack: subject, issued at, label, issuer
//! ```
//!
//! Numbers are big-endian. Everything that decides a validation stands at a fixed place, so that a script inside the
//! store reads it with one unpack. The seal is a keyed hash over the token id and all other bytes: whoever can write to
//! the store without knowing the store key can delete tokens, but can neither mint nor widen one.

#[cfg(fuzzing)]
mod fuzzing;
mod header;
mod seal;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::access::{Access, Mode, Requirement};
use crate::grant::Grant;
use crate::id::TokenId;
use crate::keys::{KeyRing, KeyVersion};
use crate::lifetime::Deadlines;
use crate::names::{Actor, Label, Subject};
use crate::partition::SubjectHash;
use crate::request::IssueRequest;
use crate::timestamp::Timestamp;
use crate::verdict::{Reason, Verdict};
use header::Header;

/// A token's record: the [`Grant`] without what changes with each use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    subject: Subject,
    access: Access,
    label: Option<Label>,
    issuer: Option<Actor>,
    issued_at: Timestamp,
    deadlines: Deadlines,
}

/// Why what a store keeps under a token's id cannot be read as its record. Whatever the reason, the token is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
    /// Too short, of no format version, or with parts that contradict each other.
    #[error("it is damaged: it does not have the form of a record")]
    Form,
    /// Of a format version that this program does not know yet.
    #[error("it has format version {0}, which is newer than this program")]
    Format(u8),
    /// Sealed with a key that is not in the key file.
    #[error("it was sealed with key version {0}, which is not in this node's key file")]
    KeyVersion(KeyVersion),
    /// The seal does not fit: changed, moved from another token, or sealed with another key.
    #[error("its seal does not fit: it was changed, or sealed with another key")]
    Seal,
    /// The store keeps something that is not even bytes: in Redis, a key of another type.
    #[error("the store keeps something of another type in its place")]
    Type,
}

impl RecordError {
    /// A stable word for programs, metrics and logs.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Form => "damaged",
            Self::Format(_) => "newer_format",
            Self::KeyVersion(_) => "missing_key",
            Self::Seal => "wrong_seal",
            Self::Type => "wrong_type",
        }
    }

    /// What an operator can do. A token is only given up where nothing else helps: one with a missing key is good.
    #[must_use]
    pub fn advice(self) -> &'static str {
        match self {
            Self::Form | Self::Type => "revoke it and issue another",
            Self::Format(_) => "update this node",
            Self::KeyVersion(KeyVersion::PUBLIC) => {
                "it was issued without a key file: revoke it and issue another with this one"
            }
            Self::KeyVersion(_) => "give this node the key file that has its key",
            Self::Seal => "compare the key files of all nodes; if they are the same, revoke it",
        }
    }
}

/// The part of a record that only people and services read.
#[derive(Serialize, Deserialize)]
struct Body<'a>(&'a str, u64, Option<&'a str>, Option<&'a str>);

impl Record {
    /// The record of a token that is issued at `now`.
    #[must_use]
    pub fn new(request: &IssueRequest, now: Timestamp) -> Self {
        Self {
            subject: request.subject.clone(),
            access: request.access.clone(),
            label: request.label.clone(),
            issuer: request.issuer.clone(),
            issued_at: now,
            deadlines: request.deadlines(now),
        }
    }

    /// The bytes to keep for the token `id`, sealed with the key that issues.
    #[must_use]
    pub fn encode(&self, id: TokenId, keys: &KeyRing) -> Vec<u8> {
        let version = keys.issuing_version();
        let body = Body(
            self.subject.as_str(),
            self.issued_at.as_millis(),
            self.label.as_ref().map(Label::as_str),
            self.issuer.as_ref().map(Actor::as_str),
        );
        let mut bytes = Header::of(self, version).to_bytes();
        header::push_scopes(&mut bytes, &self.access);
        #[expect(
            clippy::expect_used,
            reason = "a Vec takes every byte, and strings and numbers always serialize"
        )]
        rmp_serde::encode::write(&mut bytes, &body).expect("a tuple of strings and numbers");
        seal::write(&mut bytes, id, keys, version);
        bytes
    }

    /// Reads the bytes that were kept for the token `id`.
    ///
    /// # Errors
    /// See [`RecordError`].
    pub fn decode(id: TokenId, bytes: &[u8], keys: &KeyRing) -> Result<Self, RecordError> {
        let (header, rest) = Header::read(bytes)?;
        seal::verify(bytes, id, keys, header.key_version)?;
        Self::from_parts(id, &header, rest).ok_or(RecordError::Form)
    }

    fn from_parts(id: TokenId, header: &Header, rest: &[u8]) -> Option<Self> {
        let (access, body) = header::read_access(header, rest)?;
        let Body(subject, issued_at, label, issuer) = rmp_serde::from_slice(body).ok()?;
        let subject: Subject = subject.parse().ok()?;
        let hash = SubjectHash::of(&subject);
        (hash.check == header.subject_check && hash.partition == id.partition()).then_some(())?;
        Some(Self {
            subject,
            access,
            label: label.map(str::parse).transpose().ok()?,
            issuer: issuer.map(str::parse).transpose().ok()?,
            issued_at: Timestamp::from_millis(issued_at),
            deadlines: header.deadlines()?,
        })
    }

    /// The user the token speaks for.
    #[must_use]
    pub fn subject(&self) -> &Subject {
        &self.subject
    }

    /// The sliding window and the hard expiry.
    #[must_use]
    pub fn deadlines(&self) -> Deadlines {
        self.deadlines
    }

    /// What the token is for.
    #[must_use]
    pub fn label(&self) -> Option<&Label> {
        self.label.as_ref()
    }

    /// The verdict on a live token that dies at `expires_at` unless it is renewed, for a store that decides here what
    /// `validate.lua` of `token-redis` decides in Redis. The grant of an active token says when it dies now.
    #[must_use]
    pub fn judge(
        self,
        id: TokenId,
        expires_at: Timestamp,
        requirement: &Requirement,
        mode: Mode,
        now: Timestamp,
    ) -> Verdict {
        let expires_at = match mode {
            Mode::Use => self.deadlines.renewed(expires_at, now),
            Mode::Peek => expires_at,
        };
        self.verdict(id, expires_at, requirement)
    }

    /// The verdict on a live token that dies at `expires_at`, renewal included.
    #[must_use]
    pub fn verdict(self, id: TokenId, expires_at: Timestamp, requirement: &Requirement) -> Verdict {
        match self.refusal(requirement) {
            Some(reason) => Verdict::Inactive(reason),
            None => Verdict::Active(Arc::new(self.into_grant(id, expires_at))),
        }
    }

    /// Why a use that demands this is refused, although the token is live.
    #[must_use]
    pub fn refusal(&self, requirement: &Requirement) -> Option<Reason> {
        requirement.unmet_by(&self.subject, &self.access)
    }

    /// The grant of the token `id`, which dies at `expires_at` if it is not used again.
    #[must_use]
    pub fn into_grant(self, id: TokenId, expires_at: Timestamp) -> Grant {
        let Self { subject, access, label, issuer, issued_at, deadlines } = self;
        Grant { id, subject, access, label, issuer, issued_at, expires_at, deadlines }
    }
}

#[cfg(test)]
mod tests;
