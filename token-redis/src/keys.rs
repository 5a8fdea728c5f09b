//! The names of all keys. No other module builds key names.
//!
//! | key | holds |
//! |---|---|
//! | `NAMESPACE:{PARTITION}:ID` | a token's record; its TTL is the remaining life of the token |
//! | `NAMESPACE:{PARTITION}:r:ID` | the tombstone of a revoked token |
//! | `NAMESPACE:{PARTITION}:u:SUBJECT` | the ids of a subject's tokens |
//! | `NAMESPACE:{PARTITION}:r:u:SUBJECT` | when all tokens of a subject were last revoked |
//! | `NAMESPACE:{PARTITION}:i:REQUEST` | the token that was issued for an idempotency key |
//! | `NAMESPACE:{keys}:v:VERSION` | the check value of a key version that has issued tokens; it never expires |
//!
//! `PARTITION` is the hash tag, two characters of the token's text: all keys of one subject are in one slot. `ID` is the 26
//! characters of the token id after its partition. `SUBJECT` is a hash, never a name, and `REQUEST` is a hash of subject,
//! issuer and key.

use std::fmt;
use std::str::FromStr;

use token_core::spi::{PARTITIONS, Partition, Place, SubjectHash};
use token_core::{KeyVersion, TokenId};

/// The prefix of all keys of a deployment: 1–32 characters of `0-9A-Za-z_-`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Namespace(String);

/// The hash tag of all check values.
const KEYS_TAG: &str = "keys";

/// A text that is not a namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a namespace is 1 to 32 characters of 0-9, A-Z, a-z, _ and -")]
pub struct NamespaceError;

/// `tok`
impl Default for Namespace {
    fn default() -> Self {
        Self("tok".into())
    }
}

impl FromStr for Namespace {
    type Err = NamespaceError;

    fn from_str(text: &str) -> Result<Self, NamespaceError> {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        if (1..=32).contains(&text.len()) && text.bytes().all(fits) {
            Ok(Self(text.to_owned()))
        } else {
            Err(NamespaceError)
        }
    }
}

impl fmt::Display for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Namespace {
    /// The place that the seal of a token's record is bound to.
    pub(crate) fn place(&self, id: TokenId) -> Place<'_> {
        Place { namespace: &self.0, id }
    }

    /// The record of a token.
    pub(crate) fn record(&self, id: TokenId) -> String {
        self.key(id.partition(), &[digits(&id.text())])
    }

    /// The tombstone of a token.
    pub(crate) fn tombstone(&self, id: TokenId) -> String {
        self.key(id.partition(), &["r:", digits(&id.text())])
    }

    /// The index of a subject.
    pub(crate) fn index(&self, subject: SubjectHash) -> String {
        self.key(subject.partition, &["u:", &format!("{:032x}", subject.index)])
    }

    /// The tombstone of a subject.
    pub(crate) fn subject_tombstone(&self, subject: SubjectHash) -> String {
        self.key(subject.partition, &["r:u:", &format!("{:032x}", subject.index)])
    }

    /// The token that was issued for an idempotency key.
    pub(crate) fn issued_once(&self, partition: Partition, name: u128) -> String {
        self.key(partition, &["i:", &format!("{name:032x}")])
    }

    /// The check value of a key version. It is in no partition: its hash tag has four characters.
    pub(crate) fn key_check(&self, version: KeyVersion) -> String {
        format!("{self}:{{{KEYS_TAG}}}:v:{version}")
    }

    /// The slot of the check values, in a cluster.
    pub(crate) fn slot_of_key_checks() -> u16 {
        crc16::State::<crc16::XMODEM>::calculate(KEYS_TAG.as_bytes()) % 16_384
    }

    /// A key that no token has, in the first partition whose slot is among the wanted ones.
    pub(crate) fn nobody(&self, wanted: impl Fn(u16) -> bool) -> Option<String> {
        let mut partitions = (0..PARTITIONS).filter_map(Partition::new);
        partitions.find(|&partition| wanted(Self::slot(partition))).map(|partition| self.nobody_in(partition))
    }

    /// A key that no token has, because an id is longer.
    pub(crate) fn nobody_in(&self, partition: Partition) -> String {
        self.key(partition, &["doctor"])
    }

    /// The channel on which revocations are published.
    pub(crate) fn revocations(&self) -> String {
        format!("{self}:revoked")
    }

    /// A key of each kind.
    pub(crate) fn examples(&self) -> Vec<String> {
        let Some(partition) = Partition::new(0) else { return Vec::new() };
        let (id, subject) = (TokenId::new(partition, 0), SubjectHash { partition, check: [0; 8], index: 0 });
        let mut examples = vec![self.record(id), self.tombstone(id), self.index(subject)];
        examples.extend([self.subject_tombstone(subject), self.issued_once(partition, 0)]);
        examples
    }

    /// The slot of all keys in a partition, in a cluster.
    pub(crate) fn slot(partition: Partition) -> u16 {
        crc16::State::<crc16::XMODEM>::calculate(&partition.text()) % 16_384
    }

    /// The pattern that all indexes match. A namespace contains no characters with a meaning in patterns.
    pub(crate) fn all_indexes(&self) -> String {
        format!("{self}:{{??}}:u:*")
    }

    /// The record of the token whose id is a member of `index`; `None` if `index` is not the key of an index.
    pub(crate) fn record_beside(index: &str, id: &str) -> Option<String> {
        let (home, _) = index.rsplit_once("u:")?;
        Some(format!("{home}{}", id.get(2..)?))
    }

    fn key(&self, partition: Partition, rest: &[&str]) -> String {
        let mut key = String::with_capacity(self.0.len() + 44);
        key.push_str(&self.0);
        key.push_str(":{");
        key.extend(partition.text().map(char::from));
        key.push_str("}:");
        rest.iter().for_each(|part| key.push_str(part));
        key
    }
}

/// The characters of the id after its partition.
fn digits(id: &[u8; TokenId::TEXT_LENGTH]) -> &str {
    let [_, _, digits @ ..] = id;
    // An id is ASCII.
    std::str::from_utf8(digits).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use token_core::Subject;

    #[test]
    fn all_keys_of_a_subject_share_one_hash_tag() {
        let space: Namespace = "prod-1".parse().unwrap();
        let subject = SubjectHash::of(&"a{b}:c".parse::<Subject>().unwrap());
        let id = TokenId::new(subject.partition, 77);
        let tag = format!("prod-1:{{{}}}:", subject.partition);
        for key in [
            space.record(id),
            space.tombstone(id),
            space.index(subject),
            space.subject_tombstone(subject),
            space.issued_once(subject.partition, 1),
        ] {
            let rest = key.strip_prefix(&tag).unwrap();
            assert!(!rest.contains(['{', '}']), "{key}");
        }
    }

    #[test]
    fn the_record_of_an_index_member_is_found_beside_it() {
        let space = Namespace::default();
        let subject = SubjectHash::of(&"admin".parse::<Subject>().unwrap());
        let id = TokenId::new(subject.partition, 1 << 100);
        assert_eq!(Namespace::record_beside(&space.index(subject), &id.to_string()), Some(space.record(id)));
    }

    #[test]
    fn a_namespace_that_could_change_slot_or_pattern_is_refused() {
        for text in ["", "a{b}", "a:b", "a*", "a b", "ä", &"x".repeat(33)] {
            assert_eq!(text.parse::<Namespace>(), Err(NamespaceError), "{text:?}");
        }
    }
}
