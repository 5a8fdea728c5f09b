use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::spi::Partition;
use crate::{Lifetime, Permission, RequiredPermission, Scope, Scopes, Span};

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
        let bytes = record.encode(id, &ring(1));
        prop_assert_eq!(Record::decode(id, &bytes, &ring(1)), Ok(record));
    }

    #[test]
    fn one_changed_bit_anywhere_is_noticed(record in record(), at: prop::sample::Index, bit in 0..8) {
        let id = id_of(&record.subject, 1);
        let mut bytes = record.encode(id, &ring(1));
        let at = at.index(bytes.len());
        bytes[at] ^= 1_u8 << bit;
        prop_assert!(Record::decode(id, &bytes, &ring(1)).is_err());
    }

    #[test]
    fn cut_or_lengthened_bytes_are_refused(record in record(), cut: prop::sample::Index, more: u8) {
        let id = id_of(&record.subject, 1);
        let mut bytes = record.encode(id, &ring(1));
        prop_assert!(Record::decode(id, &bytes[..cut.index(bytes.len())], &ring(1)).is_err());
        bytes.push(more);
        prop_assert!(Record::decode(id, &bytes, &ring(1)).is_err());
    }

    #[test]
    fn no_bytes_make_the_decoder_panic(bytes: Vec<u8>, mut prefixed: Vec<u8>) {
        let id = TokenId::new(Partition::new(1).unwrap(), 1);
        let _ = Record::decode(id, &bytes, &KeyRing::public());
        prefixed.splice(0..0, [1, 7, b'0']);
        let _ = Record::decode(id, &prefixed, &KeyRing::public());
    }
}

fn sample(access: Access) -> Record {
    let lifetime = Lifetime::hard("24h".parse().unwrap());
    let request = IssueRequest::new("admin".parse().unwrap(), access, lifetime);
    Record::new(&request, Timestamp::from_millis(1_800_000_000_000))
}

/// Whoever changes this cannot read what is in the stores of others.
#[test]
fn a_record_has_the_bytes_that_it_always_had() {
    let record = sample(Access::Full);
    let bytes = record.encode(id_of(&record.subject, 1), &ring(1));
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(
        hex,
        "01063100000000000001a31d82ac00e0308ca23cb9b3500000af98b6b967ed5e7c94a561646d696ecf000001a3185c5000c0c0"
    );
}

#[test]
fn a_record_of_another_token_is_refused() {
    let record = sample(Access::Full);
    let bytes = record.encode(id_of(&record.subject, 1), &ring(1));
    assert_eq!(Record::decode(id_of(&record.subject, 2), &bytes, &ring(1)), Err(RecordError::Seal));
}

#[test]
fn a_record_sealed_with_another_key_is_refused() {
    let record = sample(Access::Full);
    let id = id_of(&record.subject, 1);
    let bytes = record.encode(id, &ring(1));
    assert_eq!(Record::decode(id, &bytes, &ring(2)), Err(RecordError::Seal));
    let version = KeyVersion::new(b'1').unwrap();
    assert_eq!(Record::decode(id, &bytes, &KeyRing::public()), Err(RecordError::KeyVersion(version)));
}

#[test]
fn a_full_access_record_of_a_short_name_is_small() {
    let record = sample(Access::Full);
    assert!(record.encode(id_of(&record.subject, 1), &ring(1)).len() <= 64);
}

#[test]
fn a_refusal_names_the_wrong_subject_first_and_then_the_missing_scope() {
    let scope: Scope = "node:6f9619ff-8b86-d011-b42d-00cf4fc964ff:r".parse().unwrap();
    let record = sample(Access::Restricted(Scopes::new([scope]).unwrap()));
    let missing = Scope { permission: Permission::READ_WRITE, ..scope };
    let requirement = Requirement::any()
        .permission(RequiredPermission::new(scope))
        .permission(RequiredPermission::new(missing));
    assert_eq!(record.refusal(&Requirement::any().subject("admin".parse().unwrap())), None);
    assert_eq!(record.refusal(&requirement), Some(Reason::NotPermitted { missing }));
    let requirement = requirement.subject("Admin".parse().unwrap());
    assert_eq!(record.refusal(&requirement), Some(Reason::WrongSubject));
}
