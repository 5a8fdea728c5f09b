//! The tombstone of a revoked token: when, by whom and why it was revoked, and its record.

use serde::Serialize;
use serde::ser::SerializeStruct;

use crate::id::TokenId;
use crate::keys::KeyRing;
use crate::names::{Actor, Label, Subject};
use crate::record::members::{self, Writer};
use crate::record::{Place, Record};
use crate::span::Span;
use crate::timestamp::Timestamp;

/// The members of the encoded reason.
const BY: &str = "by";
const WHY: &str = "why";

/// Who revokes, and why.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Revocation {
    /// Who revokes.
    pub by: Option<Actor>,
    /// Why.
    pub why: Option<Label>,
}

/// What a store keeps of a revoked token for a while, so that the revocation can be explained.
///
/// A tombstone refuses nothing: the token is refused because its record is gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tombstone {
    /// The token's public handle.
    pub id: TokenId,
    /// When it was revoked, by the store's clock.
    pub revoked_at: Timestamp,
    /// Who revoked it, and why.
    pub revocation: Revocation,
    /// The subject of the token; `None` if its record did not decode.
    pub subject: Option<Subject>,
    /// The label of the token, if it had one.
    pub label: Option<Label>,
}

/// Bytes that are not a tombstone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it does not have the form of a tombstone")]
pub struct TombstoneError;

impl Tombstone {
    /// How long a store keeps a tombstone by default: 7 days.
    pub const RETENTION: Span = Span::days(7);

    /// The bytes to keep: the time of revocation in 8 bytes, then the [encoded reason](Revocation::to_remark), then the record
    /// without the end of its seal ([`SEAL_CUT`](crate::spi::layout::SEAL_CUT)), so that nobody can write it back.
    ///
    /// A script inside a store writes the same three parts one after the other.
    #[must_use]
    pub fn to_bytes(revoked_at: Timestamp, remark: &[u8], record: &[u8]) -> Vec<u8> {
        [&revoked_at.as_millis().to_be_bytes(), remark, Record::revoked(record)].concat()
    }

    /// Decodes the tombstone of the token that was at this place.
    ///
    /// # Errors
    /// The bytes are not a tombstone. A record in it that does not decode is no error: it may be why the token was revoked.
    pub fn decode(place: Place<'_>, bytes: &[u8], keys: &KeyRing) -> Result<Self, TombstoneError> {
        let (revoked_at, rest) = bytes.split_first_chunk().ok_or(TombstoneError)?;
        let (revocation, record) = Revocation::from_remark(rest).ok_or(TombstoneError)?;
        let record = Record::decode_revoked(place, record, keys).ok();
        Ok(Self {
            id: place.id,
            revoked_at: Timestamp::from_millis(u64::from_be_bytes(*revoked_at)),
            revocation,
            subject: record.as_ref().map(|record| record.subject().clone()),
            label: record.and_then(|record| record.label().cloned()),
        })
    }
}

impl Revocation {
    /// The encoded reason in a tombstone: a two-byte length, then MessagePack.
    #[must_use]
    pub fn to_remark(&self) -> Vec<u8> {
        let mut facts = Writer::default();
        facts.text(BY, self.by.as_ref().map(Actor::as_str));
        facts.text(WHY, self.why.as_ref().map(Label::as_str));
        let mut remark = vec![0; 2];
        facts.append_to(&mut remark);
        let length = u16::try_from(remark.len() - 2).unwrap_or(u16::MAX).to_be_bytes();
        if let [first, second, ..] = remark.as_mut_slice() {
            [*first, *second] = length;
        }
        remark
    }

    /// The revocation at the start of the bytes, and the rest.
    fn from_remark(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let (length, rest) = bytes.split_first_chunk()?;
        let (facts, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
        let mut revocation = Self::default();
        members::read(facts, |member| {
            match member.name {
                BY => revocation.by = Some(member.value.text()?.parse().ok()?),
                WHY => revocation.why = Some(member.value.text()?.parse().ok()?),
                // A tombstone only explains, so unknown members restrict nothing.
                _ => {}
            }
            Some(())
        })?;
        Some((revocation, rest))
    }
}

/// As JSON: `id, user, label, revoked_at, revoked_by, why`.
impl Serialize for Tombstone {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Tombstone", 6)?;
        fields.serialize_field("id", &self.id.to_string())?;
        fields.serialize_field("user", &self.subject.as_ref().map(Subject::as_str))?;
        fields.serialize_field("label", &self.label.as_ref().map(Label::as_str))?;
        fields.serialize_field("revoked_at", &self.revoked_at)?;
        fields.serialize_field("revoked_by", &self.revocation.by.as_ref().map(Actor::as_str))?;
        fields.serialize_field("why", &self.revocation.why.as_ref().map(Label::as_str))?;
        fields.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_tombstone_reads_back_from_its_bytes(
            by in prop::option::of("[^\\p{Cc}]{1,50}"), why in prop::option::of("[^\\p{Cc}]{1,50}"), at: u64,
        ) {
            let id = TokenId::new(crate::spi::Partition::new(3).unwrap(), 9);
            let revocation = Revocation {
                by: by.map(|text| text.parse().unwrap()),
                why: why.map(|text| text.parse().unwrap()),
            };
            let revoked_at = Timestamp::from_millis(at);
            let bytes = Tombstone::to_bytes(revoked_at, &revocation.to_remark(), b"no record");
            let read = Tombstone::decode(Place::of(id), &bytes, &KeyRing::public()).unwrap();
            prop_assert_eq!(read, Tombstone { id, revoked_at, revocation, subject: None, label: None });
        }

        #[test]
        fn no_bytes_make_the_decoder_panic(bytes: Vec<u8>) {
            let id = TokenId::new(crate::spi::Partition::new(3).unwrap(), 9);
            let _ = Tombstone::decode(Place::of(id), &bytes, &KeyRing::public());
        }
    }
}
