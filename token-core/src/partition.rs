//! The partition of a subject's keys.
//!
//! All keys of a subject contain the same partition, so they are in one Redis Cluster slot. The partition is derived from
//! the subject alone, without a secret: rotating store keys moves nothing.

use std::fmt;
use std::sync::LazyLock;

use blake3::Hasher;
use blake3::hazmat::{ContextKey, HasherExt, hash_derive_key_context};

use crate::base62;
use crate::names::Subject;

/// How many partitions there are.
pub const PARTITIONS: u16 = 1024;

/// One of the 1 024 partitions, written as two base62 characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Partition(u16);

impl Partition {
    /// The partition with this number, if there is one.
    #[must_use]
    pub fn new(number: u16) -> Option<Self> {
        (number < PARTITIONS).then_some(Self(number))
    }

    /// The number, below [`PARTITIONS`].
    #[must_use]
    pub fn number(self) -> u16 {
        self.0
    }

    /// The two characters that represent the partition in a token, an id and a key.
    #[must_use]
    pub fn text(self) -> [u8; 2] {
        let number = u32::from(self.0);
        [base62::digit(number / 62), base62::digit(number)]
    }

    /// Parses the two characters; `None` if they are not a partition.
    pub(crate) fn parse(text: [u8; 2]) -> Option<Self> {
        let number = base62::decode(&text)?;
        u16::try_from(number).ok().and_then(Self::new)
    }
}

impl fmt::Display for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.text().iter().try_for_each(|&byte| fmt::Write::write_char(f, char::from(byte)))
    }
}

/// The hash that represents a subject in keys and records: fixed-length parts of one domain-separated BLAKE3 of its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SubjectHash {
    /// The subject's partition.
    pub partition: Partition,
    /// 64 bits that a script compares before it renews; the name in the decoded record is compared byte for byte afterwards.
    pub check: [u8; 8],
    /// 128 bits that name the subject's index.
    pub index: u128,
}

/// The hashed context that separates this hash from all others: BLAKE3's `derive_key` would hash it on each call.
static CONTEXT: LazyLock<ContextKey> =
    LazyLock::new(|| hash_derive_key_context("token-core 2026-11 subject"));

impl SubjectHash {
    /// The hash of `subject`.
    #[must_use]
    pub fn of(subject: &Subject) -> Self {
        let hash = Hasher::new_from_context_key(&CONTEXT).update(subject.as_str().as_bytes()).finalize();
        let [p0, p1, c0, c1, c2, c3, c4, c5, c6, c7, index @ .., _, _, _, _, _, _] = *hash.as_bytes();
        Self {
            partition: Partition(u16::from_be_bytes([p0, p1]) % PARTITIONS),
            check: [c0, c1, c2, c3, c4, c5, c6, c7],
            index: u128::from_be_bytes(index),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_partition_reads_back_from_its_text() {
        for number in 0..PARTITIONS {
            let partition = Partition::new(number).unwrap();
            assert_eq!(Partition::parse(partition.text()), Some(partition));
        }
        assert_eq!(Partition::new(PARTITIONS), None);
    }

    #[test]
    fn text_that_names_no_partition_is_refused() {
        for text in [*b"zz", *b"GX", *b"-0", *b"0 "] {
            assert_eq!(Partition::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn the_hash_is_the_derived_key_of_the_context() {
        let hash = SubjectHash::of(&"admin".parse().unwrap());
        let key = blake3::derive_key("token-core 2026-11 subject", b"admin");
        assert_eq!(
            (hash.check, hash.index.to_be_bytes()),
            (key[2..10].try_into().unwrap(), key[10..26].try_into().unwrap())
        );
    }

    #[test]
    fn subjects_spread_over_all_partitions() {
        let mut seen = [0_u32; PARTITIONS as usize];
        for n in 0..64 * u32::from(PARTITIONS) {
            let subject: Subject = format!("user-{n}").parse().unwrap();
            seen[usize::from(SubjectHash::of(&subject).partition.number())] += 1;
        }
        assert!(seen.iter().all(|&count| (20..130).contains(&count)), "{seen:?}");
    }
}
