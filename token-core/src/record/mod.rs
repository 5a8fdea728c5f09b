//! The record of a token in a store: a few bytes of state that the store changes, and a sealed part. See [`layout`].

mod body;
mod decision;
mod error;
#[cfg(fuzzing)]
mod fuzzing;
mod head;
pub mod layout;
pub(crate) mod members;
mod seal;

use self::body::Body;
use self::head::Head;
use self::layout::{SEAL_CUT, SEAL_LENGTH};
use self::members::Unknown;
use crate::access::Access;
use crate::grant::Grant;
use crate::id::TokenId;
use crate::keys::KeyRing;
use crate::lifetime::Deadlines;
use crate::names::{Actor, Label, Subject};
use crate::partition::SubjectHash;
use crate::request::IssueRequest;
use crate::timestamp::Timestamp;

pub use self::decision::Decision;
pub use self::error::RecordError;
pub use self::seal::Place;

/// How many bytes of the seal a tombstone keeps.
const SEAL_KEPT: usize = SEAL_LENGTH - SEAL_CUT;

/// A token's record: the [`Grant`] without the values that change with each use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    subject: Subject,
    access: Access,
    label: Option<Label>,
    issuer: Option<Actor>,
    issued_at: Timestamp,
    deadlines: Deadlines,
    /// The members that a newer program wrote.
    unknown: Unknown,
}

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
            unknown: Unknown::default(),
        }
    }

    /// The bytes to keep at this place, sealed with the issuing key; their state is that of an unused token.
    #[must_use]
    pub fn encode(&self, place: Place<'_>, keys: &KeyRing) -> Vec<u8> {
        let version = keys.issuing_version();
        let mut bytes = Head::of(self, version).to_bytes();
        head::push_scopes(&mut bytes, &self.access);
        body::append(&mut bytes, self);
        seal::append(&mut bytes, place, keys, version);
        bytes
    }

    /// Decodes the bytes that were kept at this place.
    ///
    /// # Errors
    /// See [`RecordError`].
    pub fn decode(place: Place<'_>, bytes: &[u8], keys: &KeyRing) -> Result<Self, RecordError> {
        Self::read::<SEAL_LENGTH>(place, bytes, keys)
    }

    /// The bytes of a record that a tombstone keeps: all but the end of the seal.
    #[must_use]
    pub(crate) fn revoked(bytes: &[u8]) -> &[u8] {
        bytes.get(..bytes.len().saturating_sub(SEAL_CUT)).unwrap_or_default()
    }

    /// Decodes the bytes that a tombstone keeps of the record that was at this place.
    pub(crate) fn decode_revoked(
        place: Place<'_>,
        bytes: &[u8],
        keys: &KeyRing,
    ) -> Result<Self, RecordError> {
        Self::read::<SEAL_KEPT>(place, bytes, keys)
    }

    /// Decodes a record that ends in the first `SEAL` bytes of its seal.
    fn read<const SEAL: usize>(place: Place<'_>, bytes: &[u8], keys: &KeyRing) -> Result<Self, RecordError> {
        let (head, rest) = Head::read(bytes)?;
        seal::verify::<SEAL>(bytes, place, keys, head.key_version)?;
        if !head.is_understood() {
            return Err(RecordError::Feature);
        }
        let (rest, _) = rest.split_last_chunk::<SEAL>().ok_or(RecordError::Form)?;
        let (access, body) = head::read_access(&head, rest).ok_or(RecordError::Form)?;
        let body = Body::read(body).ok_or(RecordError::Form)?;
        if body.unknown.limits() {
            return Err(RecordError::Feature);
        }
        Self::from_parts(place.id, &head, access, body).ok_or(RecordError::Form)
    }

    fn from_parts(id: TokenId, head: &Head, access: Access, body: Body<'_>) -> Option<Self> {
        let subject: Subject = body.subject.parse().ok()?;
        let hash = SubjectHash::of(&subject);
        (hash.check == head.subject_check && hash.partition == id.partition()).then_some(())?;
        Some(Self {
            subject,
            access,
            label: body.label.map(str::parse).transpose().ok()?,
            issuer: body.issuer.map(str::parse).transpose().ok()?,
            issued_at: Timestamp::from_millis(body.issued_at),
            deadlines: head.deadlines()?,
            unknown: body.unknown,
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

    /// The label: what the token is for.
    #[must_use]
    pub fn label(&self) -> Option<&Label> {
        self.label.as_ref()
    }

    /// The grant of the token `id`, which expires at `expires_at` if it is not used again.
    #[must_use]
    pub fn into_grant(self, id: TokenId, expires_at: Timestamp) -> Grant {
        let Self { subject, access, label, issuer, issued_at, deadlines, unknown: _ } = self;
        Grant { id, subject, access, label, issuer, issued_at, expires_at, deadlines }
    }
}

#[cfg(test)]
mod corpus;
#[cfg(test)]
mod tests;
