//! The seal of a record: eight bytes of a keyed hash over the token id and everything else in the record.

use super::RecordError;
use super::header::SEAL;
use crate::id::TokenId;
use crate::keys::{KeyRing, KeyVersion};

/// Writes the seal into its place.
pub(super) fn write(record: &mut [u8], id: TokenId, keys: &KeyRing, version: KeyVersion) {
    if let (Some(seal), Some(place)) = (compute(record, id, keys, version), record.get_mut(SEAL)) {
        place.copy_from_slice(&seal);
    }
}

/// Checks that the seal fits.
pub(super) fn verify(
    record: &[u8],
    id: TokenId,
    keys: &KeyRing,
    version: KeyVersion,
) -> Result<(), RecordError> {
    let expected = compute(record, id, keys, version).ok_or(RecordError::KeyVersion(version))?;
    let found = record.get(SEAL).and_then(<[u8]>::first_chunk).ok_or(RecordError::Form)?;
    // As integers, so that the comparison takes the same time however many bytes agree.
    if u64::from_be_bytes(expected) == u64::from_be_bytes(*found) { Ok(()) } else { Err(RecordError::Seal) }
}

fn compute(record: &[u8], id: TokenId, keys: &KeyRing, version: KeyVersion) -> Option<[u8; 8]> {
    let parts: [&[u8]; 4] = [
        &id.partition().number().to_be_bytes(),
        &id.bits().to_be_bytes(),
        record.get(..SEAL.start)?,
        record.get(SEAL.end..)?,
    ];
    // In one piece, which costs less than hashing each part.
    keys.seal(version, &parts.concat())?.as_bytes().first_chunk().copied()
}
