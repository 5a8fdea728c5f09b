//! For the fuzzer only: a way past the seal.

use super::header::{self, Header};
use super::{Body, Record, seal};
use crate::id::TokenId;
use crate::keys::KeyRing;
use crate::partition::SubjectHash;

impl Record {
    /// Puts the right subject check and seal into bytes that may be a record otherwise, so that a fuzzer reaches what
    /// the decoder does behind them. Answers the id of the token whose record they now may be.
    pub fn reseal(bytes: &mut [u8], bits: u128, keys: &KeyRing) -> Option<TokenId> {
        let version = keys.issuing_version();
        *bytes.get_mut(2)? = version.byte();
        let (header, rest) = Header::read(bytes).ok()?;
        let (_, body) = header::read_access(&header, rest)?;
        let Body(subject, ..) = rmp_serde::from_slice(body).ok()?;
        let hash = SubjectHash::of(&subject.parse().ok()?);
        bytes.get_mut(15..23)?.copy_from_slice(&hash.check);
        let id = TokenId::new(hash.partition, bits);
        seal::write(bytes, id, keys, version);
        Some(id)
    }
}
