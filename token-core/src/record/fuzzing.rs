//! For the fuzzer only: seals arbitrary bytes.

use super::head::{self, Head};
use super::layout::{KEY_VERSION, SEAL_LENGTH, SUBJECT_CHECK};
use super::{Place, Record, members, seal};
use crate::id::TokenId;
use crate::keys::KeyRing;
use crate::partition::SubjectHash;

impl Record {
    /// Writes the correct subject check and seal into bytes that may otherwise be a record, so that a fuzzer reaches the
    /// decoder behind these checks. Returns the id of the token whose record the bytes may then be.
    pub fn reseal(bytes: &mut Vec<u8>, bits: u128, keys: &KeyRing) -> Option<TokenId> {
        let version = keys.issuing_version();
        *bytes.get_mut(KEY_VERSION)? = version.byte();
        let unsealed = bytes.len().checked_sub(SEAL_LENGTH)?;
        bytes.truncate(unsealed);
        let (head, rest) = Head::read(bytes).ok()?;
        let (_, body) = head::read_access(&head, rest)?;
        let mut subject = None;
        members::read(body, |member| {
            if member.name == "user" {
                subject = Some(member.value.text()?);
            }
            Some(())
        })?;
        let hash = SubjectHash::of(&subject?.parse().ok()?);
        bytes.get_mut(SUBJECT_CHECK)?.copy_from_slice(&hash.check);
        let id = TokenId::new(hash.partition, bits);
        seal::append(bytes, Place::of(id), keys, version);
        Some(id)
    }
}
