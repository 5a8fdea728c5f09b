//! The seal of a record: a keyed hash over its place, its format and everything in it except its state.

use super::RecordError;
use super::layout::{FORMAT, SEAL_LENGTH, STATE_LENGTH};
use crate::id::TokenId;
use crate::keys::{KeyRing, KeyVersion};

/// The kind of the sealed data: no other data sealed with this store key begins with this byte.
const RECORD: u8 = b'r';

/// Where a record is kept. Its seal is valid at this place only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place<'a> {
    /// The deployment, among those that share a store; empty in a store with a single deployment.
    pub namespace: &'a str,
    /// The token's id.
    pub id: TokenId,
}

impl Place<'_> {
    /// The place of a token in a store with a single deployment.
    #[must_use]
    pub fn of(id: TokenId) -> Self {
        Self { namespace: "", id }
    }
}

/// Appends the seal.
pub(super) fn append(record: &mut Vec<u8>, place: Place<'_>, keys: &KeyRing, version: KeyVersion) {
    if let Some(seal) = record.get(STATE_LENGTH..).and_then(|sealed| compute(sealed, place, keys, version)) {
        record.extend(seal);
    }
}

/// Checks that the last `N` bytes are the start of the seal of the bytes before them.
pub(super) fn verify<const N: usize>(
    record: &[u8],
    place: Place<'_>,
    keys: &KeyRing,
    version: KeyVersion,
) -> Result<(), RecordError> {
    let sealed = record.get(STATE_LENGTH..).ok_or(RecordError::Form)?;
    let (sealed, found) = sealed.split_last_chunk::<N>().ok_or(RecordError::Form)?;
    let expected = compute(sealed, place, keys, version).ok_or(RecordError::KeyVersion(version))?;
    // Compares all bytes, so that the comparison takes the same time however many are equal.
    let difference = expected.iter().zip(found).fold(0, |difference, (a, b)| difference | (a ^ b));
    if difference == 0 { Ok(()) } else { Err(RecordError::Seal) }
}

fn compute(
    sealed: &[u8],
    Place { namespace, id }: Place<'_>,
    keys: &KeyRing,
    version: KeyVersion,
) -> Option<[u8; SEAL_LENGTH]> {
    let length = u8::try_from(namespace.len()).ok()?;
    let parts: [&[u8]; 5] = [
        &[RECORD, FORMAT, length],
        namespace.as_bytes(),
        &id.partition().number().to_be_bytes(),
        &id.bits().to_be_bytes(),
        sealed,
    ];
    // One call to the hash function costs less than one for each part.
    keys.seal(version, &parts.concat())?.as_bytes().first_chunk().copied()
}
