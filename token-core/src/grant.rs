//! What a live token grants.

use serde::Serialize;
use serde::ser::SerializeStruct;

use crate::access::Access;
use crate::id::TokenId;
use crate::lifetime::Deadlines;
use crate::names::{Actor, Label, Subject};
use crate::timestamp::Timestamp;

/// Everything that a live token's record says, and when the token expires if it is not used again.
///
/// Serializes to the one JSON form that the command, the documentation and the HTTP interface share:
/// `id, user, scopes (null = full access), label, issuer, issued_at, expires_at, sliding_window_seconds,
/// max_expires_at`, times in RFC 3339.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// The token's public handle.
    pub id: TokenId,
    /// The user the token speaks for.
    pub subject: Subject,
    /// What it may access.
    pub access: Access,
    /// What it is for.
    pub label: Option<Label>,
    /// Who issued it.
    pub issuer: Option<Actor>,
    /// When it was issued, by the store's clock.
    pub issued_at: Timestamp,
    /// When it expires if it is not used again.
    pub expires_at: Timestamp,
    /// The sliding window and the hard expiry.
    pub deadlines: Deadlines,
}

impl Grant {
    /// The order of every listing: by time of issue, then by id.
    pub fn sort_oldest_first(grants: &mut [Self]) {
        grants.sort_by_key(|grant| (grant.issued_at, grant.id));
    }
}

impl Serialize for Grant {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let scopes: Option<Vec<String>> =
            self.access.scopes().map(|scopes| scopes.iter().map(|scope| scope.to_string()).collect());
        let mut fields = serializer.serialize_struct("Grant", 9)?;
        fields.serialize_field("id", &self.id.to_string())?;
        fields.serialize_field("user", self.subject.as_str())?;
        fields.serialize_field("scopes", &scopes)?;
        fields.serialize_field("label", &self.label.as_ref().map(Label::as_str))?;
        fields.serialize_field("issuer", &self.issuer.as_ref().map(Actor::as_str))?;
        fields.serialize_field("issued_at", &self.issued_at)?;
        fields.serialize_field("expires_at", &self.expires_at)?;
        fields.serialize_field("sliding_window_seconds", &self.deadlines.window().map(seconds))?;
        fields.serialize_field("max_expires_at", &self.deadlines.cap())?;
        fields.end()
    }
}

/// A number of seconds, written as an integer if it is one.
fn seconds(span: crate::Span) -> Seconds {
    match span.as_millis() % 1000 {
        0 => Seconds::Whole(span.as_millis() / 1000),
        _ => Seconds::Broken(span.as_duration().as_secs_f64()),
    }
}

#[derive(Serialize)]
#[serde(untagged)]
enum Seconds {
    Whole(u64),
    Broken(f64),
}
