//! Repeating an issue with an idempotency key, and confirming an issued token.

use token_core::spi::TokenStore;
use token_core::{
    Committed, Grant, IdempotencyKey, IssueRequest, Once, Parent, Repeated, StoreErrorKind, TokenState,
    TokenStatus,
};

use super::steps::*;
use crate::Fixture;

fn key(text: &str) -> IdempotencyKey {
    text.parse().unwrap()
}

fn by(issuer: &str, mut request: IssueRequest) -> IssueRequest {
    request.issuer = Some(issuer.parse().unwrap());
    request
}

async fn once(
    store: &dyn TokenStore,
    fixture: &dyn Fixture,
    asked: &IssueRequest,
    key: &IdempotencyKey,
) -> Once<Committed<Grant>> {
    let token = new_token(fixture, &asked.subject);
    store.issue_once(token.id(), asked, key).await.unwrap()
}

fn repeated(once: Once<Committed<Grant>>) -> Repeated {
    match once {
        Once::Repeated(repeated) => repeated,
        other => panic!("this is a repeat, and not: {other:?}"),
    }
}

/// The first of the requests with this key.
pub(super) async fn issue_with(fixture: &dyn Fixture, asked: &IssueRequest, key: &IdempotencyKey) -> Held {
    let token = new_token(fixture, &asked.subject);
    match fixture.store().issue_once(token.id(), asked, key).await.unwrap() {
        Once::Issued(change) => Held { token, grant: change.outcome },
        other => panic!("the first one issues, but: {other:?}"),
    }
}

pub(super) async fn an_issue_with_a_key_stores_the_same_as_any_issue(fixture: &dyn Fixture) {
    for (number, lifetime) in [hard("24h"), sliding("1h"), capped("1h", "24h")].into_iter().enumerate() {
        let asked = by("root", restricted("admin", lifetime, &[(1, "rw")]));
        let held = issue_with(fixture, &asked, &key(&format!("key {number}"))).await;
        assert_eq!((held.grant.id, &held.grant.access), (held.token.id(), &asked.access));
        assert_same_facts(&show_live(fixture, &held).await, &held.grant);
        assert_same_facts(&present_live(fixture, &held).await, &held.grant);
    }
    assert_eq!(listed(fixture, &subject("admin")).await.len(), 3);
}

pub(super) async fn a_repeat_issues_nothing_and_returns_the_existing_token(fixture: &dyn Fixture) {
    let (asked, key) = (request("admin", sliding("1h")), key("8e03978e-40d5-43e8-bc93-6894a57f9324"));
    let held = issue_with(fixture, &asked, &key).await;
    let record = fixture.record(held.id()).await;
    for store in [fixture.store(), fixture.other_node(), fixture.store()] {
        let repeated = repeated(once(&*store, fixture, &asked, &key).await);
        assert_eq!(repeated.id, held.id());
        let TokenStatus::Live(grant) = repeated.known else { panic!("it is live, and not: {repeated:?}") };
        assert_same_facts(&grant, &held.grant);
    }
    assert_eq!(listed(fixture, &asked.subject).await, [held.id()]);
    assert_eq!(fixture.record(held.id()).await, record);
    assert_same_facts(&present_live(fixture, &held).await, &held.grant);
}

pub(super) async fn a_repeat_with_the_same_new_token_is_no_other_issue(fixture: &dyn Fixture) {
    let (asked, key) = (request("admin", sliding("1h")), key("k"));
    let held = issue_with(fixture, &asked, &key).await;
    match fixture.store().issue_once(held.id(), &asked, &key).await.unwrap() {
        Once::Issued(Committed { outcome: grant, .. }) => assert_same_facts(&grant, &held.grant),
        other => assert_eq!(repeated(other).id, held.id()),
    }
    assert_eq!(listed(fixture, &asked.subject).await, [held.id()]);
}

pub(super) async fn a_key_of_another_request_issues_nothing(fixture: &dyn Fixture) {
    let (asked, key) = (restricted("admin", hard("1h"), &[(1, "r")]), key("k"));
    let held = issue_with(fixture, &asked, &key).await;
    let others = [
        restricted("admin", hard("2h"), &[(1, "r")]),
        restricted("admin", sliding("1h"), &[(1, "r")]),
        restricted("admin", hard("1h"), &[(1, "rw")]),
        restricted("admin", hard("1h"), &[(2, "r")]),
        request("admin", hard("1h")),
        IssueRequest { label: "other".parse().ok(), ..asked.clone() },
    ];
    for other in &others {
        for store in [fixture.store(), fixture.other_node()] {
            assert_eq!(once(&*store, fixture, other, &key).await, Once::Mismatched, "{other:?}");
        }
    }
    assert_eq!(listed(fixture, &asked.subject).await, [held.id()]);
    assert_eq!(repeated(once(&*fixture.store(), fixture, &asked, &key).await).id, held.id());
}

pub(super) async fn a_key_belongs_to_one_subject_and_one_issuer(fixture: &dyn Fixture) {
    let (owner, neighbour) = neighbours();
    let lifetime = hard("1h");
    for owner in [&owner, &neighbour] {
        for asked in [
            request(owner.as_str(), lifetime),
            by("root", request(owner.as_str(), lifetime)),
            by("ops", request(owner.as_str(), lifetime)),
        ] {
            issue_with(fixture, &asked, &key("k")).await;
        }
        issue_with(fixture, &by("ops", request(owner.as_str(), lifetime)), &key("K")).await;
        assert_eq!(listed(fixture, owner).await.len(), 4);
    }
}

pub(super) async fn a_repeat_says_that_the_token_was_revoked(fixture: &dyn Fixture) {
    let asked = request("admin", hard("1h"));
    let one = issue_with(fixture, &asked, &key("one")).await;
    let _ = fixture.store().revoke(one.id(), &revocation("root", "lost")).await.unwrap();
    let all = issue_with(fixture, &asked, &key("all")).await;
    let _ = fixture.store().revoke_subject(&asked.subject, &revocation("root", "left")).await.unwrap();
    for (held, text, why) in [(one, "one", "lost"), (all, "all", "left")] {
        let repeated = repeated(once(&*fixture.store(), fixture, &asked, &key(text)).await);
        assert_eq!((repeated.id, repeated.state()), (held.id(), "revoked"));
        let TokenStatus::Revoked(tombstone) = repeated.known else { panic!("it was revoked: {repeated:?}") };
        assert_eq!(tombstone.revocation, revocation("root", why));
        assert_refused(fixture, &held).await;
    }
    assert!(list(fixture, &asked.subject).await.is_empty());
}

pub(super) async fn a_repeat_says_that_the_token_has_expired(fixture: &dyn Fixture) {
    let (asked, key) = (request("admin", hard("1h")), key("k"));
    let held = issue_with(fixture, &asked, &key).await;
    fixture.age(held.id(), 2 * HOUR).await;
    let repeated = repeated(once(&*fixture.store(), fixture, &asked, &key).await);
    assert_eq!(
        (repeated.id, repeated.state(), &repeated.known),
        (held.id(), "expired", &TokenStatus::Unknown)
    );
    assert!(list(fixture, &asked.subject).await.is_empty());
}

pub(super) async fn an_issue_that_was_refused_leaves_its_key_free(fixture: &dyn Fixture) {
    let parent = issue(fixture, &request("admin", hard("1h"))).await;
    let _ = fixture.store().revoke(parent.id(), &revocation("root", "lost")).await.unwrap();
    let asked = request("admin", hard("1h"));
    let by_it = IssueRequest { parent: Parent::of(&parent.grant), ..asked.clone() };
    let token = new_token(fixture, &asked.subject);
    let refusal = fixture.store().issue_once(token.id(), &by_it, &key("k")).await.unwrap_err();
    assert_eq!(refusal.kind(), StoreErrorKind::ParentGone);
    let refusal = fixture.store().issue_once(parent.id(), &asked, &key("k")).await.unwrap_err();
    assert_eq!(refusal.kind(), StoreErrorKind::Conflict);
    let held = issue_with(fixture, &asked, &key("k")).await;
    assert_eq!(listed(fixture, &asked.subject).await, [held.id()]);
}

pub(super) async fn a_child_with_a_key_stays_within_its_parent(fixture: &dyn Fixture) {
    let parent = issue(fixture, &request("admin", hard("1h"))).await;
    let asked = IssueRequest { parent: Parent::of(&parent.grant), ..request("admin", hard("24h")) };
    let held = issue_with(fixture, &asked, &key("k")).await;
    assert_eq!(held.grant.deadlines.cap(), parent.grant.deadlines.cap());
    assert_eq!(repeated(once(&*fixture.store(), fixture, &asked, &key("k")).await).id, held.id());
}

pub(super) async fn confirming_distinguishes_live_revoked_and_unknown_tokens(fixture: &dyn Fixture) {
    let live = issue(fixture, &request("admin", hard("1h"))).await;
    let revoked = issue(fixture, &request("admin", hard("1h"))).await;
    let _ = fixture.store().revoke(revoked.id(), &revocation("root", "lost")).await.unwrap();
    let before = show(fixture, &revoked).await;
    let never = new_token(fixture, &live.grant.subject);
    for store in [fixture.store(), fixture.other_node()] {
        for (id, state) in [
            (live.id(), TokenState::Live),
            (revoked.id(), TokenState::Revoked),
            (never.id(), TokenState::Unknown),
        ] {
            let Committed { outcome, confirmation } = store.confirm(id).await.unwrap();
            assert_eq!((outcome, confirmation.is_confirmed()), (state, true), "{confirmation:?}");
        }
    }
    assert_eq!(show(fixture, &revoked).await, before);
    assert_same_facts(&present_live(fixture, &live).await, &live.grant);
}

pub(super) async fn confirming_and_repeating_renew_nothing(fixture: &dyn Fixture) {
    let (asked, key) = (request("admin", sliding("1h")), key("k"));
    let held = issue_with(fixture, &asked, &key).await;
    fixture.age(held.id(), 40 * MINUTE).await;
    let _ = fixture.store().confirm(held.id()).await.unwrap();
    let _ = repeated(once(&*fixture.store(), fixture, &asked, &key).await);
    assert!(remaining(fixture, &held).await <= 20 * MINUTE);
}
