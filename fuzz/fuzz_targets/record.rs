//! Records and tombstones: no bytes make the decoder panic, and decoded records survive another round trip.
//!
//! Random bytes never have a valid seal, so the target adds one before it tries them a second time.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use token_core::spi::{Partition, Place, Record};
use token_core::{KeyRing, TokenId, Tombstone};

static KEYS: LazyLock<KeyRing> = LazyLock::new(KeyRing::public);

fuzz_target!(|input: (u16, u128, Vec<u8>)| {
    let (partition, bits, mut bytes) = input;
    let id = TokenId::new(Partition::new(partition % 1024).unwrap(), bits);
    let _ = Tombstone::decode(Place::of(id), &bytes, &KEYS);
    let _ = Record::decode(Place::of(id), &bytes, &KEYS);

    if let Some(id) = Record::reseal(&mut bytes, bits, &KEYS)
        && let Ok(record) = Record::decode(Place::of(id), &bytes, &KEYS)
    {
        let again = record.encode(Place::of(id), &KEYS);
        assert_eq!(Record::decode(Place::of(id), &again, &KEYS), Ok(record));
    }
});
