use proptest::prelude::*;
use uuid::Uuid;

use super::layout::{FORMAT, STATE_LENGTH, SUBJECT_CHECK};
use super::members::{Member, Value, Writer};
use super::*;
use crate::spi::Partition;
use crate::{KeyVersion, Lifetime, Permission, Scope, Span};

fn ring(byte: u8) -> KeyRing {
    KeyRing::parse(&format!("1 {}", format!("{byte:02x}").repeat(32))).unwrap()
}

fn id_of(subject: &Subject, bits: u128) -> TokenId {
    TokenId::new(SubjectHash::of(subject).partition, bits)
}

fn name() -> impl Strategy<Value = String> {
    "[^\\p{Cc}]{1,60}"
}

fn scopes() -> impl Strategy<Value = Vec<Scope>> {
    let scope = (any::<u128>(), 1_u8..=3).prop_map(|(node, bits)| Scope {
        node: Uuid::from_u128(node),
        permission: Permission::from_bits(bits).unwrap(),
    });
    prop::collection::vec(scope, 0..6)
}

fn lifetime() -> impl Strategy<Value = Lifetime> {
    let span = |range: std::ops::Range<u64>| range.prop_map(|millis| Span::from_millis(millis).unwrap());
    prop_oneof![
        span(1..1 << 41).prop_map(Lifetime::hard),
        span(1..1 << 41).prop_map(Lifetime::sliding),
        (span(1..1 << 40), span(1 << 40..1 << 41)).prop_map(|(w, c)| Lifetime::capped(w, c).unwrap()),
    ]
}

prop_compose! {
    fn record()(
        subject in name(), scopes in scopes(), lifetime in lifetime(),
        label in prop::option::of(name()), issuer in prop::option::of(name()), now in 0_u64..1 << 44,
    ) -> Record {
        let mut request =
            IssueRequest::new(subject.parse().unwrap(), Access::from_scopes(scopes).unwrap(), lifetime);
        request.label = label.map(|text| text.parse().unwrap());
        request.issuer = issuer.map(|text| text.parse().unwrap());
        Record::new(&request, Timestamp::from_millis(now))
    }
}

proptest! {
    #[test]
    fn a_record_reads_back_from_its_bytes(record in record(), bits: u128) {
        let id = id_of(&record.subject, bits);
        let bytes = record.encode(Place::of(id), &ring(1));
        prop_assert_eq!(Record::decode(Place::of(id), &bytes, &ring(1)), Ok(record));
    }

    #[test]
    fn one_changed_bit_outside_the_counters_is_noticed(record in record(), at: prop::sample::Index, bit in 0..8) {
        let id = id_of(&record.subject, 1);
        let mut bytes = record.encode(Place::of(id), &ring(1));
        let sealed = bytes.len() - STATE_LENGTH;
        // Format and flags, then the sealed part.
        let at = at.index(2 + sealed);
        let at = if at < 2 { at } else { at - 2 + STATE_LENGTH };
        bytes[at] ^= 1_u8 << bit;
        prop_assert!(Record::decode(Place::of(id), &bytes, &ring(1)).is_err());
    }

    #[test]
    fn cut_or_lengthened_bytes_are_refused(record in record(), cut: prop::sample::Index, more: u8) {
        let id = id_of(&record.subject, 1);
        let mut bytes = record.encode(Place::of(id), &ring(1));
        prop_assert!(Record::decode(Place::of(id), &bytes[..cut.index(bytes.len())], &ring(1)).is_err());
        bytes.push(more);
        prop_assert!(Record::decode(Place::of(id), &bytes, &ring(1)).is_err());
    }

    #[test]
    fn no_bytes_make_the_decoder_panic(bytes: Vec<u8>, mut prefixed: Vec<u8>) {
        let id = TokenId::new(Partition::new(1).unwrap(), 1);
        let _ = Record::decode(Place::of(id), &bytes, &KeyRing::public());
        let mut head = [0; STATE_LENGTH + 2];
        (head[0], head[STATE_LENGTH], head[STATE_LENGTH + 1]) = (FORMAT, 7, b'0');
        prefixed.splice(0..0, head);
        let _ = Record::decode(Place::of(id), &prefixed, &KeyRing::public());
    }
}

fn sample(access: Access) -> Record {
    let lifetime = Lifetime::hard("24h".parse().unwrap());
    let request = IssueRequest::new("admin".parse().unwrap(), access, lifetime);
    Record::new(&request, Timestamp::from_millis(1_800_000_000_000))
}

#[test]
fn a_record_of_another_token_is_refused() {
    let record = sample(Access::Full);
    let bytes = record.encode(Place::of(id_of(&record.subject, 1)), &ring(1));
    assert_eq!(
        Record::decode(Place::of(id_of(&record.subject, 2)), &bytes, &ring(1)),
        Err(RecordError::Seal)
    );
}

#[test]
fn a_record_sealed_with_another_key_is_refused() {
    let record = sample(Access::Full);
    let id = id_of(&record.subject, 1);
    let bytes = record.encode(Place::of(id), &ring(1));
    assert_eq!(Record::decode(Place::of(id), &bytes, &ring(2)), Err(RecordError::Seal));
    let version = KeyVersion::new(b'1').unwrap();
    assert_eq!(
        Record::decode(Place::of(id), &bytes, &KeyRing::public()),
        Err(RecordError::KeyVersion(version))
    );
}

#[test]
fn a_record_of_another_namespace_is_refused() {
    let record = sample(Access::Full);
    let id = id_of(&record.subject, 1);
    let [one, other] = ["tok", "to"].map(|namespace| Place { namespace, id });
    let bytes = record.encode(one, &ring(1));
    assert_eq!(Record::decode(other, &bytes, &ring(1)), Err(RecordError::Seal));
    assert!(Record::decode(one, &bytes, &ring(1)).is_ok());
}

#[test]
fn a_full_access_record_of_a_short_name_is_small() {
    let record = sample(Access::Full);
    assert!(record.encode(Place::of(id_of(&record.subject, 1)), &ring(1)).len() <= 96);
}

#[test]
fn a_tombstone_keeps_an_authentic_record_that_cannot_return() {
    let record = sample(Access::Full);
    let place = Place::of(id_of(&record.subject, 1));
    let mut kept = Record::revoked(&record.encode(place, &ring(1))).to_vec();
    assert_eq!(Record::decode_revoked(place, &kept, &ring(1)), Ok(record));
    assert!(Record::decode(place, &kept, &ring(1)).is_err());
    kept[STATE_LENGTH] ^= 1;
    assert_eq!(Record::decode_revoked(place, &kept, &ring(1)), Err(RecordError::Seal));
}

/// The bytes of a record whose map has one more member, which this program does not know.
fn with_member(record: &Record, name: &str, place: Place<'_>) -> Vec<u8> {
    let mut written = Writer::default();
    written.text(name, Some("value"));
    let mut map = Vec::new();
    written.append_to(&mut map);
    let member = map.get(1..).unwrap();
    let mut record = record.clone();
    record.unknown.push(&Member { name, value: Value::Other, bytes: member });
    record.encode(place, &ring(1))
}

#[test]
fn unknown_members_of_the_map_are_kept() {
    let record = sample(Access::Full);
    let place = Place::of(id_of(&record.subject, 1));
    let bytes = with_member(&record, "hobby", place);
    let read = Record::decode(place, &bytes, &ring(1)).unwrap();
    assert_ne!(read, record);
    assert_eq!(read.encode(place, &ring(1)), bytes);
}

#[test]
fn an_unknown_member_that_limits_the_token_is_refused() {
    let record = sample(Access::Full);
    let place = Place::of(id_of(&record.subject, 1));
    let bytes = with_member(&record, "Networks", place);
    assert_eq!(Record::decode(place, &bytes, &ring(1)), Err(RecordError::Feature));
}

#[test]
fn a_repeated_member_makes_the_record_unreadable() {
    let record = sample(Access::Full);
    let place = Place::of(id_of(&record.subject, 1));
    let bytes = with_member(&record, "user", place);
    assert_eq!(Record::decode(place, &bytes, &ring(1)), Err(RecordError::Form));
}

#[test]
fn unknown_formats_and_features_are_refused_by_name() {
    let record = sample(Access::Full);
    let place = Place::of(id_of(&record.subject, 1));
    let bytes = record.encode(place, &ring(1));
    let changed = |at: usize, byte: u8| {
        let mut bytes = bytes.clone();
        bytes[at] = byte;
        Record::decode(place, &bytes, &ring(1)).unwrap_err()
    };
    assert_eq!(changed(0, 1), RecordError::Form, "never released");
    assert_eq!(changed(0, 3), RecordError::Format(3));
    assert_eq!(changed(0, b'a'), RecordError::Form);
    assert_eq!(changed(1, 1), RecordError::Feature, "a state flag");
}

/// Bytes with a valid seal, one of which differs from what this program writes.
fn resealed(at: usize, byte: u8) -> RecordError {
    let record = sample(Access::Full);
    let place = Place::of(id_of(&record.subject, 1));
    let mut bytes = record.encode(place, &ring(1));
    bytes.truncate(bytes.len() - SEAL_LENGTH);
    bytes[at] = byte;
    seal::append(&mut bytes, place, &ring(1), KeyVersion::new(b'1').unwrap());
    Record::decode(place, &bytes, &ring(1)).unwrap_err()
}

#[test]
fn an_unknown_sealed_feature_is_refused_by_name() {
    assert_eq!(resealed(STATE_LENGTH, 8 | 6), RecordError::Feature, "a flag");
    assert_eq!(resealed(STATE_LENGTH + 2, 1), RecordError::Feature, "a kind");
    assert_eq!(resealed(SUBJECT_CHECK.start - 1, 1), RecordError::Feature, "not before");
    assert_eq!(resealed(SUBJECT_CHECK.start, 1), RecordError::Form, "the subject check");
}
