//! Repeats an issue request without issuing a second token.
//!
//! Over HTTP this is the header of the same name: draft-ietf-httpapi-idempotency-key-header.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

use crate::access::Access;
use crate::confirmation::Confirmation;
use crate::grant::Grant;
use crate::id::TokenId;
use crate::names::{Actor, Label};
use crate::outcome::TokenStatus;
use crate::request::IssueRequest;
use crate::scope::Scopes;
use crate::span::Span;
use crate::tombstone::Tombstone;

/// A name that a caller gives to one issue request, so that repeating the request issues no second token: 1 to 255
/// printable ASCII characters without a space at either end (HTTP would remove it), preferably a UUID.
///
/// It belongs to one subject and one issuer: the same text with another subject or issuer is another key. Only a hash of it
/// is kept, here and in stores.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct IdempotencyKey([u8; 32]);

/// A text that is no idempotency key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an idempotency key is 1 to 255 printable ASCII characters without a blank at its ends, best a UUID")]
pub struct IdempotencyKeyError;

/// What a store keeps for a key: the name of the entry, and what to compare a repeat with. Both are hashes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IdempotencyEntry {
    /// Names the entry: a hash of the subject, the issuer and the key.
    pub name: u128,
    /// A hash of everything else in the request.
    pub fingerprint: u128,
}

/// The result of an issue request that has an [`IdempotencyKey`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Once<T> {
    /// It was the first request with this key, and issued a token.
    Issued(T),
    /// An earlier request has issued a token. No other one was issued, and the text of the first is not kept anywhere.
    Repeated(Repeated),
    /// An earlier request with this key was for something else. Nothing was issued.
    Mismatched,
}

/// The token that an earlier request with the same key issued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repeated {
    /// Its public handle.
    pub id: TokenId,
    /// Its current state: it may have been revoked or have expired meanwhile.
    pub known: TokenStatus,
    /// How durable the token, or its revocation, is known to be.
    pub confirmation: Confirmation,
}

impl Repeated {
    /// A stable word for the current state of the token: `live`, `revoked` or `expired`.
    #[must_use]
    pub fn state(&self) -> &'static str {
        match self.known {
            TokenStatus::Live(_) => "live",
            TokenStatus::Revoked(_) => "revoked",
            // It was issued less than a day ago: if it had been revoked, its tombstone would still exist.
            TokenStatus::Unknown => "expired",
        }
    }
}

/// As JSON: `repeated` (true), `state`, the members of a [`Grant`] or a [`Tombstone`] (else `id`), `confirmation`.
/// There is no `token`.
impl Serialize for Repeated {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Form<'a> {
            repeated: bool,
            state: &'static str,
            #[serde(flatten)]
            known: Known<'a>,
            confirmation: Confirmation,
        }
        #[derive(Serialize)]
        #[serde(untagged)]
        enum Known<'a> {
            Live(&'a Grant),
            Revoked(&'a Tombstone),
            Expired { id: String },
        }
        let known = match &self.known {
            TokenStatus::Live(grant) => Known::Live(grant),
            TokenStatus::Revoked(tombstone) => Known::Revoked(tombstone),
            TokenStatus::Unknown => Known::Expired { id: self.id.to_string() },
        };
        Form { repeated: true, state: self.state(), known, confirmation: self.confirmation }
            .serialize(serializer)
    }
}

impl IdempotencyKey {
    /// How long a store keeps an entry: 24 hours. After that, the same key issues another token.
    pub const RETENTION: Span = Span::days(1);

    /// The entry for this request.
    ///
    /// The parent is not compared: a holder may repeat the request with another of their tokens.
    #[must_use]
    pub fn entry(&self, request: &IssueRequest) -> IdempotencyEntry {
        // List every new member here, and decide whether it is compared.
        let IssueRequest { subject, access, lifetime, label, issuer, parent: _ } = request;

        let mut name = Fields::new("token-core 2026-11 idempotency key");
        name.add(Some(&self.0));
        name.add(Some(subject.as_str().as_bytes()));
        name.add(issuer.as_ref().map(Actor::as_str).map(str::as_bytes));

        let mut fingerprint = Fields::new("token-core 2026-11 idempotency fingerprint");
        let millis = |span: Option<Span>| span.map(|span| span.as_millis().to_be_bytes());
        fingerprint.add(millis(lifetime.window()).as_ref().map(<[u8; 8]>::as_slice));
        fingerprint.add(millis(lifetime.cap()).as_ref().map(<[u8; 8]>::as_slice));
        fingerprint.add(label.as_ref().map(Label::as_str).map(str::as_bytes));
        fingerprint.add(access_bytes(access).as_deref());
        IdempotencyEntry { name: name.hash(), fingerprint: fingerprint.hash() }
    }
}

/// The nodes and their permissions, in the order of the nodes; `None` for full access.
fn access_bytes(access: &Access) -> Option<Vec<u8>> {
    let bytes = |scopes: &Scopes| {
        scopes
            .iter()
            .flat_map(|scope| [scope.node.as_bytes().as_slice(), &[scope.permission.bits()]].concat())
            .collect()
    };
    access.scopes().map(bytes)
}

/// A hash of fields, each preceded by its length, so that no two lists of fields have the same bytes.
struct Fields(blake3::Hasher);

impl Fields {
    fn new(context: &str) -> Self {
        Self(blake3::Hasher::new_derive_key(context))
    }

    fn add(&mut self, field: Option<&[u8]>) {
        // One more than the length, so that an empty field differs from a missing one.
        let length = field.map_or(0, |field| 1 + field.len() as u64);
        self.0.update(&length.to_be_bytes()).update(field.unwrap_or_default());
    }

    fn hash(&self) -> u128 {
        let mut bytes = [0; 16];
        self.0.finalize_xof().fill(&mut bytes);
        u128::from_be_bytes(bytes)
    }
}

impl FromStr for IdempotencyKey {
    type Err = IdempotencyKeyError;

    fn from_str(text: &str) -> Result<Self, IdempotencyKeyError> {
        let printable = text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
        if !printable || text.trim() != text || !(1..=255).contains(&text.len()) {
            return Err(IdempotencyKeyError);
        }
        Ok(Self(blake3::derive_key("token-core 2026-11 idempotency key text", text.as_bytes())))
    }
}

/// Shows nothing of the key: it could be guessed from its hash.
impl fmt::Debug for IdempotencyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IdempotencyKey(..)")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Lifetime;

    fn key(text: &str) -> IdempotencyKey {
        text.parse().unwrap()
    }

    fn request(user: &str, lifetime: &str) -> IssueRequest {
        IssueRequest::new(user.parse().unwrap(), Access::Full, Lifetime::hard(lifetime.parse().unwrap()))
    }

    #[test]
    fn an_entry_is_named_by_subject_issuer_and_key() {
        let asked = request("admin", "1h");
        let name = |key: IdempotencyKey, request: &IssueRequest| key.entry(request).name;
        let own = name(key("k"), &asked);
        assert_eq!(own, name(key("k"), &IssueRequest { label: "x".parse().ok(), ..asked.clone() }));
        assert_ne!(own, name(key("K"), &asked));
        assert_ne!(own, name(key("k"), &request("Admin", "1h")));
        assert_ne!(own, name(key("k"), &IssueRequest { issuer: "root".parse().ok(), ..asked.clone() }));
    }

    #[test]
    fn the_fingerprint_of_every_other_request_differs() {
        let scope = |text: &str| Access::from_scopes(vec![text.parse().unwrap()]).unwrap();
        let asked = request("admin", "1h");
        let others = [
            request("admin", "2h"),
            IssueRequest { lifetime: Lifetime::sliding("1h".parse().unwrap()), ..asked.clone() },
            IssueRequest { label: "x".parse().ok(), ..asked.clone() },
            IssueRequest { access: scope("node:6f9619ff-8b86-d011-b42d-00cf4fc964ff:r"), ..asked.clone() },
            IssueRequest { access: scope("node:6f9619ff-8b86-d011-b42d-00cf4fc964ff:rw"), ..asked.clone() },
        ];
        let mut seen = vec![key("k").entry(&asked).fingerprint];
        for other in &others {
            let fingerprint = key("k").entry(other).fingerprint;
            assert!(!seen.contains(&fingerprint), "{other:?}");
            seen.push(fingerprint);
        }
    }

    /// Nodes of other versions, and with other keys, find the entry.
    #[test]
    fn an_entry_keeps_its_bytes_across_versions() {
        let entry = key("8e03978e-40d5-43e8-bc93-6894a57f9324").entry(&request("admin", "1h"));
        assert_eq!((entry.name, entry.fingerprint), (NAME, FINGERPRINT));
    }

    const NAME: u128 = 231054537155387693872971145598199360697;
    const FINGERPRINT: u128 = 220228182243297831191303200621513724704;

    #[test]
    fn a_key_is_not_shown() {
        assert!(!format!("{:?}", key("deploy-42")).contains("deploy"));
    }

    proptest! {
        #[test]
        fn a_key_is_printable_ascii_and_not_longer_than_255(text in "\\PC{0,260}|[ -~]{0,260}") {
            let fits = text.trim() == text && (1..=255).contains(&text.len()) && text.bytes().all(|byte| (0x20..0x7f).contains(&byte));
            prop_assert_eq!(text.parse::<IdempotencyKey>().is_ok(), fits);
        }
    }
}
