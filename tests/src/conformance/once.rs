//! Repeating an issue by an idempotency key, and confirming what was issued.

use token_core::{
    Change, Grant, IdempotencyKey, IssueRequest, Once, Parent, Repeated, Sighting, StoreErrorKind,
    TokenState, TokenStore,
};

use super::steps::*;
use crate::rig::Rig;

fn key(text: &str) -> IdempotencyKey {
    text.parse().unwrap()
}

fn by(issuer: &str, mut request: IssueRequest) -> IssueRequest {
    request.issuer = Some(issuer.parse().unwrap());
    request
}

async fn once(
    store: &dyn TokenStore,
    rig: &dyn Rig,
    asked: &IssueRequest,
    key: &IdempotencyKey,
) -> Once<Change<Grant>> {
    let token = new_token(rig, &asked.subject);
    store.issue_once(token.id(), asked, key).await.unwrap()
}

fn repeated(once: Once<Change<Grant>>) -> Repeated {
    match once {
        Once::Repeated(repeated) => repeated,
        other => panic!("this is a repeat, and not: {other:?}"),
    }
}

/// The first of the requests with this key.
pub(super) async fn issue_with(rig: &dyn Rig, asked: &IssueRequest, key: &IdempotencyKey) -> Held {
    let token = new_token(rig, &asked.subject);
    match rig.store().issue_once(token.id(), asked, key).await.unwrap() {
        Once::Issued(change) => Held { token, grant: change.outcome },
        other => panic!("the first one issues, but: {other:?}"),
    }
}

pub(super) async fn an_issue_with_a_key_keeps_what_any_issue_keeps(rig: &dyn Rig) {
    for (number, lifetime) in [hard("24h"), sliding("1h"), capped("1h", "24h")].into_iter().enumerate() {
        let asked = by("root", restricted("admin", lifetime, &[(1, "rw")]));
        let held = issue_with(rig, &asked, &key(&format!("key {number}"))).await;
        assert_eq!((held.grant.id, &held.grant.access), (held.token.id(), &asked.access));
        assert_same_facts(&show_live(rig, &held).await, &held.grant);
        assert_same_facts(&present_live(rig, &held).await, &held.grant);
    }
    assert_eq!(listed(rig, &subject("admin")).await.len(), 3);
}

pub(super) async fn a_repeat_issues_nothing_and_tells_the_token_there_is(rig: &dyn Rig) {
    let (asked, key) = (request("admin", sliding("1h")), key("8e03978e-40d5-43e8-bc93-6894a57f9324"));
    let held = issue_with(rig, &asked, &key).await;
    let record = rig.record(held.id()).await;
    for store in [rig.store(), rig.other_node(), rig.store()] {
        let repeated = repeated(once(&*store, rig, &asked, &key).await);
        assert_eq!(repeated.id, held.id());
        let Sighting::Live(grant) = repeated.known else { panic!("it is live, and not: {repeated:?}") };
        assert_same_facts(&grant, &held.grant);
    }
    assert_eq!(listed(rig, &asked.subject).await, [held.id()]);
    assert_eq!(rig.record(held.id()).await, record);
    assert_same_facts(&present_live(rig, &held).await, &held.grant);
}

pub(super) async fn a_repeat_with_the_same_new_token_is_no_other_issue(rig: &dyn Rig) {
    let (asked, key) = (request("admin", sliding("1h")), key("k"));
    let held = issue_with(rig, &asked, &key).await;
    match rig.store().issue_once(held.id(), &asked, &key).await.unwrap() {
        Once::Issued(Change { outcome: grant, .. }) => assert_same_facts(&grant, &held.grant),
        other => assert_eq!(repeated(other).id, held.id()),
    }
    assert_eq!(listed(rig, &asked.subject).await, [held.id()]);
}

pub(super) async fn a_key_of_another_request_issues_nothing(rig: &dyn Rig) {
    let (asked, key) = (restricted("admin", hard("1h"), &[(1, "r")]), key("k"));
    let held = issue_with(rig, &asked, &key).await;
    let others = [
        restricted("admin", hard("2h"), &[(1, "r")]),
        restricted("admin", sliding("1h"), &[(1, "r")]),
        restricted("admin", hard("1h"), &[(1, "rw")]),
        restricted("admin", hard("1h"), &[(2, "r")]),
        request("admin", hard("1h")),
        IssueRequest { label: "other".parse().ok(), ..asked.clone() },
    ];
    for other in &others {
        for store in [rig.store(), rig.other_node()] {
            assert_eq!(once(&*store, rig, other, &key).await, Once::Mismatched, "{other:?}");
        }
    }
    assert_eq!(listed(rig, &asked.subject).await, [held.id()]);
    assert_eq!(repeated(once(&*rig.store(), rig, &asked, &key).await).id, held.id());
}

pub(super) async fn a_key_belongs_to_one_subject_and_one_issuer(rig: &dyn Rig) {
    let (owner, neighbour) = neighbours();
    let lifetime = hard("1h");
    for owner in [&owner, &neighbour] {
        for asked in [
            request(owner.as_str(), lifetime),
            by("root", request(owner.as_str(), lifetime)),
            by("ops", request(owner.as_str(), lifetime)),
        ] {
            issue_with(rig, &asked, &key("k")).await;
        }
        issue_with(rig, &by("ops", request(owner.as_str(), lifetime)), &key("K")).await;
        assert_eq!(listed(rig, owner).await.len(), 4);
    }
}

pub(super) async fn a_repeat_says_that_the_token_was_revoked(rig: &dyn Rig) {
    let asked = request("admin", hard("1h"));
    let one = issue_with(rig, &asked, &key("one")).await;
    let _ = rig.store().revoke(one.id(), &revocation("root", "lost")).await.unwrap();
    let all = issue_with(rig, &asked, &key("all")).await;
    let _ = rig.store().revoke_subject(&asked.subject, &revocation("root", "left")).await.unwrap();
    for (held, text, why) in [(one, "one", "lost"), (all, "all", "left")] {
        let repeated = repeated(once(&*rig.store(), rig, &asked, &key(text)).await);
        assert_eq!((repeated.id, repeated.state()), (held.id(), "revoked"));
        let Sighting::Revoked(tombstone) = repeated.known else { panic!("it was revoked: {repeated:?}") };
        assert_eq!(tombstone.revocation, revocation("root", why));
        assert_refused(rig, &held).await;
    }
    assert!(list(rig, &asked.subject).await.is_empty());
}

pub(super) async fn a_repeat_says_that_the_token_has_expired(rig: &dyn Rig) {
    let (asked, key) = (request("admin", hard("1h")), key("k"));
    let held = issue_with(rig, &asked, &key).await;
    rig.age(held.id(), 2 * HOUR).await;
    let repeated = repeated(once(&*rig.store(), rig, &asked, &key).await);
    assert_eq!((repeated.id, repeated.state(), &repeated.known), (held.id(), "expired", &Sighting::Unknown));
    assert!(list(rig, &asked.subject).await.is_empty());
}

pub(super) async fn an_issue_that_was_refused_leaves_its_key_free(rig: &dyn Rig) {
    let parent = issue(rig, &request("admin", hard("1h"))).await;
    let _ = rig.store().revoke(parent.id(), &revocation("root", "lost")).await.unwrap();
    let asked = request("admin", hard("1h"));
    let by_it = IssueRequest { parent: Parent::of(&parent.grant), ..asked.clone() };
    let token = new_token(rig, &asked.subject);
    let refusal = rig.store().issue_once(token.id(), &by_it, &key("k")).await.unwrap_err();
    assert_eq!(refusal.kind(), StoreErrorKind::ParentGone);
    let refusal = rig.store().issue_once(parent.id(), &asked, &key("k")).await.unwrap_err();
    assert_eq!(refusal.kind(), StoreErrorKind::Conflict);
    let held = issue_with(rig, &asked, &key("k")).await;
    assert_eq!(listed(rig, &asked.subject).await, [held.id()]);
}

pub(super) async fn a_child_with_a_key_stays_within_its_parent(rig: &dyn Rig) {
    let parent = issue(rig, &request("admin", hard("1h"))).await;
    let asked = IssueRequest { parent: Parent::of(&parent.grant), ..request("admin", hard("24h")) };
    let held = issue_with(rig, &asked, &key("k")).await;
    assert_eq!(held.grant.deadlines.cap(), parent.grant.deadlines.cap());
    assert_eq!(repeated(once(&*rig.store(), rig, &asked, &key("k")).await).id, held.id());
}

pub(super) async fn confirming_tells_live_revoked_and_unknown(rig: &dyn Rig) {
    let live = issue(rig, &request("admin", hard("1h"))).await;
    let revoked = issue(rig, &request("admin", hard("1h"))).await;
    let _ = rig.store().revoke(revoked.id(), &revocation("root", "lost")).await.unwrap();
    let before = show(rig, &revoked).await;
    let never = new_token(rig, &live.grant.subject);
    for store in [rig.store(), rig.other_node()] {
        for (id, state) in [
            (live.id(), TokenState::Live),
            (revoked.id(), TokenState::Revoked),
            (never.id(), TokenState::Unknown),
        ] {
            let Change { outcome, confirmation } = store.confirm(id).await.unwrap();
            assert_eq!((outcome, confirmation.is_confirmed()), (state, true), "{confirmation:?}");
        }
    }
    assert_eq!(show(rig, &revoked).await, before);
    assert_same_facts(&present_live(rig, &live).await, &live.grant);
}

pub(super) async fn confirming_and_repeating_renew_nothing(rig: &dyn Rig) {
    let (asked, key) = (request("admin", sliding("1h")), key("k"));
    let held = issue_with(rig, &asked, &key).await;
    rig.age(held.id(), 40 * MINUTE).await;
    let _ = rig.store().confirm(held.id()).await.unwrap();
    let _ = repeated(once(&*rig.store(), rig, &asked, &key).await);
    assert!(remaining(rig, &held).await <= 20 * MINUTE);
}
