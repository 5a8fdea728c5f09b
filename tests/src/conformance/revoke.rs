//! Revocation: at once, everywhere, for good, and explained.

use token_core::{
    Actor, Demand, Label, Mode, Reason, Revocation, RevokeOutcome, Sighting, Tombstone, Verdict,
};

use super::steps::*;
use crate::rig::Rig;

async fn tombstone(rig: &dyn Rig, held: &Held) -> Tombstone {
    match show(rig, held).await {
        Sighting::Revoked(tombstone) => tombstone,
        other => panic!("the token should be revoked, but: {other:?}"),
    }
}

async fn revoke(rig: &dyn Rig, held: &Held, revocation: &Revocation) -> RevokeOutcome {
    rig.store().revoke(held.id(), revocation).await.unwrap().outcome
}

pub(super) async fn a_revoked_token_is_refused_at_once_on_every_node(rig: &dyn Rig) {
    for lifetime in [hard("24h"), sliding("10m"), capped("10m", "24h")] {
        for store in [rig.store(), rig.other_node()] {
            let held = issue(rig, &request("admin", lifetime)).await;
            present_live(rig, &held).await;
            let outcome = store.revoke(held.id(), &revocation("root", "lost")).await.unwrap().outcome;
            assert_eq!(outcome, RevokeOutcome::Revoked);
            assert_refused(rig, &held).await;
            assert_eq!(rig.remaining(held.id()).await, None);
        }
    }
}

pub(super) async fn a_validation_asks_when_it_is_awaited_and_not_when_it_is_made(rig: &dyn Rig) {
    let held = issue(rig, &request("admin", sliding("10m"))).await;
    present_live(rig, &held).await;
    let demand = Demand::any();
    let store = rig.store();
    let made = store.validate(held.token, &demand, Mode::Use);
    revoke(rig, &held, &Revocation::default()).await;
    assert_eq!(made.await.unwrap(), Verdict::Inactive(Reason::Unknown));
}

pub(super) async fn a_tombstone_says_who_why_when_whose_and_what_for(rig: &dyn Rig) {
    let mut asked = request("admin", sliding("1h"));
    asked.label = Some("backup of the night".parse().unwrap());
    let held = issue(rig, &asked).await;
    rig.pass(millis(5).as_duration()).await;
    let before = rig.now().await;
    revoke(rig, &held, &revocation("root", "the laptop was stolen")).await;
    let after = rig.now().await;

    let tombstone = tombstone(rig, &held).await;
    assert!((before..=after).contains(&tombstone.revoked_at), "{tombstone:?}");
    let expected = Tombstone {
        id: held.id(),
        revoked_at: tombstone.revoked_at,
        revocation: revocation("root", "the laptop was stolen"),
        subject: Some(asked.subject),
        label: asked.label,
    };
    assert_eq!(tombstone, expected);
    assert_eq!(rig.other_node().show(held.id()).await.unwrap(), Sighting::Revoked(expected));
}

pub(super) async fn who_and_why_may_be_left_out_and_may_be_long(rig: &dyn Rig) {
    let longest = "ü".repeat(127) + "!";
    let (by, why): (Actor, Label) = (longest.parse().unwrap(), longest.parse().unwrap());
    for revocation in [
        Revocation::default(),
        Revocation { by: Some(by.clone()), why: None },
        Revocation { by: None, why: Some(why.clone()) },
        Revocation { by: Some(by), why: Some(why) },
    ] {
        let held = issue(rig, &request("admin", hard("1h"))).await;
        revoke(rig, &held, &revocation).await;
        let found = tombstone(rig, &held).await;
        assert_eq!((found.revocation, found.label), (revocation, None));
    }
}

pub(super) async fn a_repeated_revocation_keeps_the_first_ones_facts(rig: &dyn Rig) {
    let held = issue(rig, &request("admin", hard("1h"))).await;
    assert_eq!(revoke(rig, &held, &revocation("root", "lost")).await, RevokeOutcome::Revoked);
    let first = tombstone(rig, &held).await;
    rig.pass(millis(5).as_duration()).await;
    for store in [rig.store(), rig.other_node()] {
        let again = store.revoke(held.id(), &revocation("somebody else", "stolen")).await.unwrap().outcome;
        assert_eq!(again, RevokeOutcome::AlreadyRevoked);
        assert_eq!(tombstone(rig, &held).await, first);
    }
}

pub(super) async fn revoking_an_unknown_token_changes_nothing(rig: &dyn Rig) {
    let asked = request("admin", hard("1h"));
    let token = new_token(rig, &asked.subject);
    let outcome = rig.store().revoke(token.id(), &revocation("root", "a guess")).await.unwrap().outcome;
    assert_eq!(outcome, RevokeOutcome::Unknown);
    assert_eq!(rig.store().show(token.id()).await.unwrap(), Sighting::Unknown);

    let grant = rig.store().issue(token.id(), &asked).await.unwrap().outcome;
    present_live(rig, &Held { token, grant }).await;
}

pub(super) async fn revoking_one_token_leaves_the_others_alone(rig: &dyn Rig) {
    let asked = request("admin", sliding("1h"));
    let (kept, revoked) = (issue(rig, &asked).await, issue(rig, &asked).await);
    revoke(rig, &revoked, &revocation("root", "lost")).await;
    assert_same_facts(&present_live(rig, &kept).await, &kept.grant);
    assert_eq!(listed(rig, &asked.subject).await, [kept.id()]);
}

pub(super) async fn revoking_a_subject_ends_its_live_tokens_and_no_others(rig: &dyn Rig) {
    let (owner, neighbour) = neighbours();
    let lifetimes = [hard("24h"), sliding("12h"), capped("12h", "24h")];
    let mut owned = Vec::new();
    for lifetime in lifetimes {
        owned.push(issue(rig, &request(owner.as_str(), lifetime)).await);
    }
    let revoked = issue(rig, &request(owner.as_str(), hard("24h"))).await;
    revoke(rig, &revoked, &revocation("root", "before")).await;
    let expired = issue(rig, &request(owner.as_str(), hard("1h"))).await;
    rig.age(expired.id(), HOUR).await;
    let others = [
        issue(rig, &request(neighbour.as_str(), hard("24h"))).await,
        issue(rig, &request("somebody elsewhere", hard("24h"))).await,
    ];

    let ended = rig.store().revoke_subject(&owner, &revocation("root", "left")).await.unwrap().outcome;
    assert_eq!(sorted(ended), ids(&owned));
    for held in &owned {
        assert_refused(rig, held).await;
        assert_eq!(tombstone(rig, held).await.revocation, revocation("root", "left"));
    }
    assert_eq!(tombstone(rig, &revoked).await.revocation, revocation("root", "before"));
    assert_gone(rig, &expired).await;
    for held in &others {
        assert_same_facts(&present_live(rig, held).await, &held.grant);
        assert_eq!(listed(rig, &held.grant.subject).await, [held.id()]);
    }
}

pub(super) async fn revoking_a_subject_without_tokens_ends_nothing(rig: &dyn Rig) {
    let (owner, neighbour) = neighbours();
    let held = issue(rig, &request(neighbour.as_str(), hard("1h"))).await;
    let ended = rig.store().revoke_subject(&owner, &revocation("root", "left")).await.unwrap().outcome;
    assert!(ended.is_empty(), "{ended:?}");
    present_live(rig, &held).await;
}

pub(super) async fn tokens_issued_after_a_subject_was_revoked_live(rig: &dyn Rig) {
    let asked = request("admin", sliding("1h"));
    let before = issue(rig, &asked).await;
    let ended =
        rig.store().revoke_subject(&asked.subject, &revocation("root", "reset")).await.unwrap().outcome;
    assert_eq!(ended, [before.id()]);

    let after = issue(rig, &asked).await;
    assert_same_facts(&present_live(rig, &after).await, &after.grant);
    assert_eq!(listed(rig, &asked.subject).await, [after.id()]);
    let ended =
        rig.other_node().revoke_subject(&asked.subject, &revocation("root", "again")).await.unwrap().outcome;
    assert_eq!(ended, [after.id()]);
    assert_eq!(tombstone(rig, &before).await.revocation, revocation("root", "reset"));
}
