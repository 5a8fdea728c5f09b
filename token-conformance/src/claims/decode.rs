//! Records that cannot be trusted: every query gets an error, never an answer, and the tokens can still be revoked.

use std::error::Error;
use std::sync::Arc;

use token_core::spi::layout::{KEY_VERSION, SEAL_LENGTH};
use token_core::spi::{RecordError, TokenStore};
use token_core::{
    Grant, KeyVersion, Listing, Mode, Requirement, RevokeOutcome, StoreError, StoreErrorKind, TokenId,
    TokenState, TokenStatus, UnreadableRecord, Verdict,
};

use super::steps::*;
use crate::Fixture;

type Damage = fn(&mut Vec<u8>);

/// The kinds of damage to a record, and how to cause each.
const DAMAGES: [(&str, Damage); 9] = [
    ("a changed seal", |record| {
        let seal = record.len() - SEAL_LENGTH;
        flip(record, seal, 1)
    }),
    ("an unknown format version", |record| flip(record, 0, 0x40)),
    ("an unknown key version", |record| *record.get_mut(KEY_VERSION).unwrap() = b'9'),
    ("a missing end", |record| record.truncate(record.len() - 1)),
    ("an end too many", |record| record.push(0)),
    ("less than a head", |record| record.truncate(10)),
    ("less than a seal", |record| record.truncate(60)),
    ("nothing", Vec::clear),
    ("something else", |record| *record = b"not a record, but ".repeat(8)),
];

fn flip(record: &mut [u8], at: usize, bits: u8) {
    *record.get_mut(at).unwrap() ^= bits;
}

async fn tamper(fixture: &dyn Fixture, id: TokenId, change: impl FnOnce(&mut Vec<u8>)) {
    let mut record = fixture.record(id).await.expect("the token has a record");
    change(&mut record);
    fixture.overwrite(id, record).await;
}

async fn damaged(fixture: &dyn Fixture, user: &str, damage: Damage) -> Held {
    let held = issue(fixture, &restricted(user, capped("1h", "24h"), &[(1, "rw")])).await;
    tamper(fixture, held.id(), damage).await;
    held
}

fn assert_corrupt<T: std::fmt::Debug>(result: Result<T, StoreError>, what: &str) -> StoreError {
    let error = result.expect_err(what);
    assert_eq!(error.kind(), StoreErrorKind::Corrupt, "{what}: {error}");
    assert!(!error.is_retryable(), "{what}: {error}");
    error
}

pub(super) async fn a_damaged_record_is_an_error_for_every_validation(fixture: &dyn Fixture) {
    let right = Requirement::any().subject(subject("admin")).permission(need(1, "r", &[]));
    for (what, damage) in DAMAGES {
        for requirement in [Requirement::any(), right.clone()] {
            for mode in [Mode::Peek, Mode::Use] {
                let held = damaged(fixture, "admin", damage).await;
                assert_corrupt(fixture.store().validate(held.token, &requirement, mode).await, what);
                assert_corrupt(fixture.store().validate(held.token, &requirement, mode).await, "asked again");
            }
        }
    }
}

/// No part of the record is trusted, so a refusal because of its user or its permissions would be wrong, too.
pub(super) async fn a_damaged_record_is_an_error_for_any_requirement(fixture: &dyn Fixture) {
    let demands =
        [Requirement::any().subject(subject("nobody")), Requirement::any().permission(need(2, "r", &[]))];
    for (what, damage) in DAMAGES {
        for requirement in &demands {
            let held = damaged(fixture, "admin", damage).await;
            assert_corrupt(fixture.store().validate(held.token, requirement, Mode::Use).await, what);
        }
    }
}

pub(super) async fn a_damaged_record_is_an_error_to_show(fixture: &dyn Fixture) {
    for (what, damage) in DAMAGES {
        let held = damaged(fixture, "admin", damage).await;
        assert_corrupt(fixture.store().show(held.id()).await, what);
    }
}

pub(super) async fn a_damaged_record_hides_no_good_one_in_a_listing(fixture: &dyn Fixture) {
    for (number, (what, damage)) in DAMAGES.into_iter().enumerate() {
        let user = format!("user {number}");
        let first = issue(fixture, &request(&user, hard("24h"))).await;
        let held = damaged(fixture, &user, damage).await;
        let last = issue(fixture, &request(&user, hard("24h"))).await;
        for store in [fixture.store(), fixture.other_node()] {
            let Listing { grants, unreadable } = store.list(&subject(&user)).await.unwrap();
            assert_eq!(
                sorted(grants.iter().map(|grant| grant.id)),
                sorted([first.id(), last.id()]),
                "{what}"
            );
            assert_eq!(unreadable.iter().map(|row| row.id).collect::<Vec<_>>(), [held.id()], "{what}");
        }
        issue(fixture, &request(&user, hard("24h"))).await;
    }
}

/// The advice depends on the cause: nobody should revoke a token because a node lacks a key.
pub(super) async fn a_record_that_cannot_be_read_is_listed_with_the_cause(fixture: &dyn Fixture) {
    let causes: [(RecordError, Damage); 8] = [
        (RecordError::Seal, |record| *record.last_mut().unwrap() ^= 1),
        (RecordError::Seal, |record| record.push(0)),
        (RecordError::Format(3), |record| *record.get_mut(0).unwrap() = 3),
        (RecordError::Feature, |record| *record.get_mut(1).unwrap() = 1),
        (RecordError::KeyVersion(KeyVersion::new(b'9').unwrap()), |record| {
            *record.get_mut(KEY_VERSION).unwrap() = b'9'
        }),
        (RecordError::Form, |record| record.truncate(10)),
        (RecordError::Form, |record| *record.get_mut(0).unwrap() = 0),
        (RecordError::Form, Vec::clear),
    ];
    let mut expected = Vec::new();
    for (why, damage) in causes {
        expected.push(UnreadableRecord { id: damaged(fixture, "admin", damage).await.id(), why });
    }
    expected.sort_by_key(|row| row.id);
    assert_eq!(fixture.store().list(&subject("admin")).await.unwrap().unreadable, expected);
    for UnreadableRecord { id, why } in expected {
        let error = assert_corrupt(fixture.store().show(id).await, why.code());
        assert_eq!(error.source().unwrap().to_string(), why.to_string());
        assert!(error.to_string().contains(why.advice()), "{error}");
    }
}

pub(super) async fn a_damaged_record_harms_no_other_token_of_one_call(fixture: &dyn Fixture) {
    let good = issue(fixture, &request("admin", sliding("1h"))).await;
    let mut tokens = Vec::new();
    for (_, damage) in DAMAGES {
        tokens.push((damaged(fixture, "admin", damage).await.token, Requirement::any()));
        tokens.push((good.token, Requirement::any()));
    }
    let verdicts = fixture.store().validate_many(&tokens, Mode::Use).await;
    assert_eq!(verdicts.len(), tokens.len());
    for (verdict, (token, _)) in verdicts.into_iter().zip(&tokens) {
        match verdict {
            Ok(verdict) => assert_same_facts(&active(verdict), &good.grant),
            refused => {
                assert_ne!(token.id(), good.id());
                assert_corrupt(refused, "a damaged one");
            }
        }
    }
}

pub(super) async fn a_damaged_record_can_be_confirmed(fixture: &dyn Fixture) {
    for (what, damage) in DAMAGES {
        let held = damaged(fixture, "admin", damage).await;
        assert_eq!(fixture.store().confirm(held.id()).await.unwrap().outcome, TokenState::Live, "{what}");
    }
}

pub(super) async fn a_damaged_record_can_be_revoked(fixture: &dyn Fixture) {
    for (what, damage) in DAMAGES {
        let held = damaged(fixture, "admin", damage).await;
        let outcome = fixture.store().revoke(held.id(), &revocation("root", what)).await.unwrap().outcome;
        assert_eq!(outcome, RevokeOutcome::Revoked, "{what}");
        assert_refused(fixture, &held).await;
        let again = fixture.store().revoke(held.id(), &revocation("root", "again")).await.unwrap().outcome;
        assert_eq!(again, RevokeOutcome::AlreadyRevoked, "{what}");

        let TokenStatus::Revoked(tombstone) = show(fixture, &held).await else {
            panic!("it was revoked: {what}")
        };
        assert_eq!(tombstone.revocation, revocation("root", what));
        assert_eq!((tombstone.subject, tombstone.label), (None, None), "{what}");
    }
}

pub(super) async fn a_damaged_record_goes_with_the_others_of_its_subject(fixture: &dyn Fixture) {
    for (number, (what, damage)) in DAMAGES.into_iter().enumerate() {
        let user = format!("user {number}");
        let owned =
            [issue(fixture, &request(&user, hard("24h"))).await, damaged(fixture, &user, damage).await];
        let ended = fixture
            .store()
            .revoke_subject(&subject(&user), &revocation("root", "left"))
            .await
            .unwrap()
            .outcome;
        assert_eq!(sorted(ended), ids(&owned), "{what}");
        for held in &owned {
            assert_refused(fixture, held).await;
            assert!(matches!(show(fixture, held).await, TokenStatus::Revoked(_)), "{what}");
        }
    }
}

pub(super) async fn a_damaged_record_harms_no_other_token(fixture: &dyn Fixture) {
    let (owner, neighbour) = neighbours();
    let others = [
        issue(fixture, &request(owner.as_str(), sliding("1h"))).await,
        issue(fixture, &request(neighbour.as_str(), sliding("1h"))).await,
    ];
    for (_, damage) in DAMAGES {
        damaged(fixture, owner.as_str(), damage).await;
    }
    for held in &others {
        assert_same_facts(&present_live(fixture, held).await, &held.grant);
        assert_same_facts(&show_live(fixture, held).await, &held.grant);
    }
    assert_eq!(listed(fixture, &neighbour).await.len(), 1);
    fixture.store().prune().await.unwrap();
}

/// Anyone who can write to the store can copy a record, but a record is valid only under its own id.
pub(super) async fn a_record_of_another_token_is_an_error(fixture: &dyn Fixture) {
    let strong = issue(fixture, &request("admin", hard("24h"))).await;
    let weak = issue(fixture, &restricted("admin", hard("1h"), &[(1, "r")])).await;
    let copied = fixture.record(strong.id()).await.expect("the token has a record");
    fixture.overwrite(weak.id(), copied).await;
    assert_corrupt(fixture.store().validate(weak.token, &Requirement::any(), Mode::Use).await, "a copy");
    assert_corrupt(fixture.store().show(weak.id()).await, "a copy");
    assert_same_facts(&present_live(fixture, &strong).await, &strong.grant);
}

pub(super) async fn no_changed_byte_widens_prolongs_or_hides_a_token(fixture: &dyn Fixture) {
    let asked = restricted("admin", capped("1h", "24h"), &[(1, "r")]);
    let length = fixture.record(issue(fixture, &asked).await.id()).await.expect("it has a record").len();
    for at in 0..length {
        for bits in [0x01, 0x80, 0xff] {
            let held = issue(fixture, &asked).await;
            tamper(fixture, held.id(), |record| flip(record, at, bits)).await;
            assert_not_believed(&*fixture.store(), &held, &format!("byte {at} changed by {bits:#04x}")).await;
        }
    }
}

/// The store either reports that the record is corrupt or returns the same grant as before.
async fn assert_not_believed(store: &dyn TokenStore, held: &Held, what: &str) {
    let check = |found: Result<Option<Grant>, StoreError>| match found {
        Ok(Some(grant)) => assert_same_facts(&grant, &held.grant),
        Ok(None) => panic!("{what}: the token is denied instead of an error"),
        Err(error) => assert_eq!(error.kind(), StoreErrorKind::Corrupt, "{what}: {error}"),
    };
    let right = Requirement::any().subject(held.grant.subject.clone());
    for (requirement, mode) in
        [(&Requirement::any(), Mode::Peek), (&right, Mode::Use), (&Requirement::any(), Mode::Use)]
    {
        let verdict = store.validate(held.token, requirement, mode).await;
        check(verdict.map(|verdict| match verdict {
            Verdict::Active(grant) => Some(Arc::unwrap_or_clone(grant)),
            Verdict::Inactive(_) => None,
        }));
    }
    check(store.show(held.id()).await.map(|token_status| match token_status {
        TokenStatus::Live(grant) => Some(grant),
        TokenStatus::Revoked(_) | TokenStatus::Unknown => None,
    }));
}
