//! Revocation: immediate, on every node, final, and explained by a tombstone.

use token_core::{
    Actor, Label, Mode, Reason, Requirement, Revocation, RevokeOutcome, TokenStatus, Tombstone, Verdict,
};

use super::steps::*;
use crate::Fixture;

async fn tombstone(fixture: &dyn Fixture, held: &Held) -> Tombstone {
    match show(fixture, held).await {
        TokenStatus::Revoked(tombstone) => tombstone,
        other => panic!("the token should be revoked, but: {other:?}"),
    }
}

async fn revoke(fixture: &dyn Fixture, held: &Held, revocation: &Revocation) -> RevokeOutcome {
    fixture.store().revoke(held.id(), revocation).await.unwrap().outcome
}

pub(super) async fn a_revoked_token_is_refused_at_once_on_every_node(fixture: &dyn Fixture) {
    for lifetime in [hard("24h"), sliding("10m"), capped("10m", "24h")] {
        for store in [fixture.store(), fixture.other_node()] {
            let held = issue(fixture, &request("admin", lifetime)).await;
            present_live(fixture, &held).await;
            let outcome = store.revoke(held.id(), &revocation("root", "lost")).await.unwrap().outcome;
            assert_eq!(outcome, RevokeOutcome::Revoked);
            assert_refused(fixture, &held).await;
            assert_eq!(fixture.remaining(held.id()).await, None);
        }
    }
}

pub(super) async fn a_validation_asks_when_it_is_awaited_and_not_when_it_is_made(fixture: &dyn Fixture) {
    let held = issue(fixture, &request("admin", sliding("10m"))).await;
    present_live(fixture, &held).await;
    let requirement = Requirement::any();
    let store = fixture.store();
    let made = store.validate(held.token, &requirement, Mode::Use);
    revoke(fixture, &held, &Revocation::default()).await;
    assert_eq!(made.await.unwrap(), Verdict::Inactive(Reason::NoSuchToken));
}

pub(super) async fn a_tombstone_has_actor_reason_time_subject_and_label(fixture: &dyn Fixture) {
    let mut asked = request("admin", sliding("1h"));
    asked.label = Some("backup of the night".parse().unwrap());
    let held = issue(fixture, &asked).await;
    fixture.pass(millis(5).as_duration()).await;
    let before = fixture.now().await;
    revoke(fixture, &held, &revocation("root", "the laptop was stolen")).await;
    let after = fixture.now().await;

    let tombstone = tombstone(fixture, &held).await;
    assert!((before..=after).contains(&tombstone.revoked_at), "{tombstone:?}");
    let expected = Tombstone {
        id: held.id(),
        revoked_at: tombstone.revoked_at,
        revocation: revocation("root", "the laptop was stolen"),
        subject: Some(asked.subject),
        label: asked.label,
    };
    assert_eq!(tombstone, expected);
    assert_eq!(fixture.other_node().show(held.id()).await.unwrap(), TokenStatus::Revoked(expected));
}

pub(super) async fn actor_and_reason_are_optional_and_may_be_long(fixture: &dyn Fixture) {
    let longest = "ü".repeat(127) + "!";
    let (by, why): (Actor, Label) = (longest.parse().unwrap(), longest.parse().unwrap());
    for revocation in [
        Revocation::default(),
        Revocation { by: Some(by.clone()), why: None },
        Revocation { by: None, why: Some(why.clone()) },
        Revocation { by: Some(by), why: Some(why) },
    ] {
        let held = issue(fixture, &request("admin", hard("1h"))).await;
        revoke(fixture, &held, &revocation).await;
        let found = tombstone(fixture, &held).await;
        assert_eq!((found.revocation, found.label), (revocation, None));
    }
}

pub(super) async fn a_repeated_revocation_keeps_the_first_ones_facts(fixture: &dyn Fixture) {
    let held = issue(fixture, &request("admin", hard("1h"))).await;
    assert_eq!(revoke(fixture, &held, &revocation("root", "lost")).await, RevokeOutcome::Revoked);
    let first = tombstone(fixture, &held).await;
    fixture.pass(millis(5).as_duration()).await;
    for store in [fixture.store(), fixture.other_node()] {
        let again = store.revoke(held.id(), &revocation("somebody else", "stolen")).await.unwrap().outcome;
        assert_eq!(again, RevokeOutcome::AlreadyRevoked);
        assert_eq!(tombstone(fixture, &held).await, first);
    }
}

pub(super) async fn revoking_an_unknown_token_changes_nothing(fixture: &dyn Fixture) {
    let asked = request("admin", hard("1h"));
    let token = new_token(fixture, &asked.subject);
    let outcome = fixture.store().revoke(token.id(), &revocation("root", "a guess")).await.unwrap().outcome;
    assert_eq!(outcome, RevokeOutcome::Unknown);
    assert_eq!(fixture.store().show(token.id()).await.unwrap(), TokenStatus::Unknown);

    let grant = fixture.store().issue(token.id(), &asked).await.unwrap().outcome;
    present_live(fixture, &Held { token, grant }).await;
}

pub(super) async fn revoking_one_token_leaves_the_others_alone(fixture: &dyn Fixture) {
    let asked = request("admin", sliding("1h"));
    let (kept, revoked) = (issue(fixture, &asked).await, issue(fixture, &asked).await);
    revoke(fixture, &revoked, &revocation("root", "lost")).await;
    assert_same_facts(&present_live(fixture, &kept).await, &kept.grant);
    assert_eq!(listed(fixture, &asked.subject).await, [kept.id()]);
}

pub(super) async fn revoking_a_subject_ends_its_live_tokens_and_no_others(fixture: &dyn Fixture) {
    let (owner, neighbour) = neighbours();
    let lifetimes = [hard("24h"), sliding("12h"), capped("12h", "24h")];
    let mut owned = Vec::new();
    for lifetime in lifetimes {
        owned.push(issue(fixture, &request(owner.as_str(), lifetime)).await);
    }
    let revoked = issue(fixture, &request(owner.as_str(), hard("24h"))).await;
    revoke(fixture, &revoked, &revocation("root", "before")).await;
    let expired = issue(fixture, &request(owner.as_str(), hard("1h"))).await;
    fixture.age(expired.id(), HOUR).await;
    let others = [
        issue(fixture, &request(neighbour.as_str(), hard("24h"))).await,
        issue(fixture, &request("somebody elsewhere", hard("24h"))).await,
    ];

    let ended = fixture.store().revoke_subject(&owner, &revocation("root", "left")).await.unwrap().outcome;
    assert_eq!(sorted(ended), ids(&owned));
    for held in &owned {
        assert_refused(fixture, held).await;
        assert_eq!(tombstone(fixture, held).await.revocation, revocation("root", "left"));
    }
    assert_eq!(tombstone(fixture, &revoked).await.revocation, revocation("root", "before"));
    assert_gone(fixture, &expired).await;
    for held in &others {
        assert_same_facts(&present_live(fixture, held).await, &held.grant);
        assert_eq!(listed(fixture, &held.grant.subject).await, [held.id()]);
    }
}

pub(super) async fn revoking_a_subject_without_tokens_ends_nothing(fixture: &dyn Fixture) {
    let (owner, neighbour) = neighbours();
    let held = issue(fixture, &request(neighbour.as_str(), hard("1h"))).await;
    let ended = fixture.store().revoke_subject(&owner, &revocation("root", "left")).await.unwrap().outcome;
    assert!(ended.is_empty(), "{ended:?}");
    present_live(fixture, &held).await;
}

pub(super) async fn tokens_issued_after_a_subject_was_revoked_are_valid(fixture: &dyn Fixture) {
    let asked = request("admin", sliding("1h"));
    let before = issue(fixture, &asked).await;
    let ended =
        fixture.store().revoke_subject(&asked.subject, &revocation("root", "reset")).await.unwrap().outcome;
    assert_eq!(ended, [before.id()]);

    let after = issue(fixture, &asked).await;
    assert_same_facts(&present_live(fixture, &after).await, &after.grant);
    assert_eq!(listed(fixture, &asked.subject).await, [after.id()]);
    let ended = fixture
        .other_node()
        .revoke_subject(&asked.subject, &revocation("root", "again"))
        .await
        .unwrap()
        .outcome;
    assert_eq!(ended, [after.id()]);
    assert_eq!(tombstone(fixture, &before).await.revocation, revocation("root", "reset"));
}
