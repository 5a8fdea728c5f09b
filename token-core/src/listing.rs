//! The tokens of a subject, and the records that cannot be read.

use serde::Serialize;
use serde::ser::SerializeStruct;

use crate::grant::Grant;
use crate::id::TokenId;
use crate::record::RecordError;

/// The tokens that a store keeps for a subject, at one moment.
///
/// A record that cannot be read hides no other record: it has its own row with the id of the token and the reason. This
/// node refuses such a token at validation, but a node with another key file or a newer program may accept it. A listing
/// with [`unreadable`](Self::unreadable) rows is therefore incomplete.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Listing {
    /// The live tokens, oldest first, then by id.
    pub grants: Vec<Grant>,
    /// The records that cannot be read, by id.
    pub unreadable: Vec<UnreadableRecord>,
}

/// A record in a store that cannot be read.
///
/// Serializes as `id, why` (a stable word: [`RecordError::code`]) and `message` (for people: the cause, and what to do).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnreadableRecord {
    /// The public handle of the token that the record belongs to.
    pub id: TokenId,
    /// Why it cannot be read.
    pub why: RecordError,
}

impl Listing {
    /// A listing of these rows, in any order.
    #[must_use]
    pub fn of(rows: impl IntoIterator<Item = (TokenId, Result<Grant, RecordError>)>) -> Self {
        let mut listing = Self::default();
        for (id, row) in rows {
            match row {
                Ok(grant) => listing.grants.push(grant),
                Err(why) => {
                    tracing::warn!(%id, why = why.code(), "listed a token whose record cannot be read");
                    listing.unreadable.push(UnreadableRecord { id, why });
                }
            }
        }
        Grant::sort_oldest_first(&mut listing.grants);
        listing.unreadable.sort_by_key(|row| row.id);
        listing
    }

    /// Whether the listing has no rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.grants.is_empty() && self.unreadable.is_empty()
    }

    /// Keeps only the rows of these tokens.
    pub fn retain(&mut self, keep: impl Fn(TokenId) -> bool) {
        self.grants.retain(|grant| keep(grant.id));
        self.unreadable.retain(|row| keep(row.id));
    }
}

impl UnreadableRecord {
    /// The cause, and what to do about it, in one line.
    #[must_use]
    pub fn message(&self) -> String {
        format!("{}; {}", self.why, self.why.advice())
    }
}

impl Serialize for UnreadableRecord {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("UnreadableRecord", 3)?;
        fields.serialize_field("id", &self.id.to_string())?;
        fields.serialize_field("why", self.why.code())?;
        fields.serialize_field("message", &self.message())?;
        fields.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::KeyVersion;

    #[test]
    fn cause_and_advice_fit_a_terminal_and_give_up_no_good_token() {
        let version = |byte| RecordError::KeyVersion(KeyVersion::new(byte).unwrap());
        for (why, is_lost) in [
            (RecordError::Form, true),
            (RecordError::Type, true),
            (version(b'0'), true),
            (RecordError::Seal, true),
            (RecordError::Format(255), false),
            (version(b'z'), false),
        ] {
            assert!(why.to_string().len() <= 77 && why.advice().len() <= 77, "{why}");
            assert_eq!(why.advice().contains("revoke"), is_lost, "{why}");
        }
    }
}
