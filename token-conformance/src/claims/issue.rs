//! Issuing: the token has what the request asked for, and no id is issued twice.

use token_core::{
    Access, IssueRequest, Lifetime, Reason, Requirement, Scopes, Span, StoreErrorKind, TokenStatus, Verdict,
};

use super::steps::*;
use crate::Fixture;

fn every_kind_of_lifetime() -> [Lifetime; 3] {
    [hard("24h"), sliding("10m"), capped("10m", "24h")]
}

fn with_remarks(mut request: IssueRequest, label: &str, issuer: &str) -> IssueRequest {
    request.label = Some(label.parse().unwrap());
    request.issuer = Some(issuer.parse().unwrap());
    request
}

fn assert_grants_what_was_asked(grant: &token_core::Grant, request: &IssueRequest) {
    assert_eq!(grant.subject, request.subject);
    assert_eq!(grant.access, request.access);
    assert_eq!(grant.label, request.label);
    assert_eq!(grant.issuer, request.issuer);
    assert_eq!(grant.deadlines, request.lifetime.starting(grant.issued_at));
}

pub(super) async fn issue_returns_the_requested_token(fixture: &dyn Fixture) {
    for lifetime in every_kind_of_lifetime() {
        let scoped = restricted("admin", lifetime, &[(1, "r"), (2, "rw"), (3, "w")]);
        for request in [request("admin", lifetime), with_remarks(scoped, "backup", "root")] {
            let before = fixture.now().await;
            let held = issue(fixture, &request).await;
            let after = fixture.now().await;
            assert_eq!(held.grant.id, held.token.id());
            assert_grants_what_was_asked(&held.grant, &request);
            assert!((before..=after).contains(&held.grant.issued_at), "{:?}", held.grant);
        }
    }
}

pub(super) async fn a_new_token_lives_as_long_as_requested(fixture: &dyn Fixture) {
    for lifetime in every_kind_of_lifetime() {
        let held = issue(fixture, &request("admin", lifetime)).await;
        assert_tells_the_deadline(fixture, &held.grant).await;
        let whole = lifetime.window().or(lifetime.cap()).unwrap().as_duration();
        assert_full(remaining(fixture, &held).await, whole);
        assert!(
            held.grant.deadlines.cap().is_none_or(|cap| held.grant.expires_at <= cap),
            "{:?}",
            held.grant
        );
    }
}

pub(super) async fn the_largest_request_is_kept_whole(fixture: &dyn Fixture) {
    let longest = "é".repeat(127) + "!";
    let scopes = (1..=Scopes::MAX as u128).map(|node| scope(node, "rw"));
    let access = Access::Restricted(Scopes::new(scopes).unwrap());
    let request = IssueRequest::new(subject(&longest), access, Lifetime::hard(Span::MAX));
    let request = with_remarks(request, &longest, &longest);
    let held = issue(fixture, &request).await;
    let grant = present_live(fixture, &held).await;
    assert_grants_what_was_asked(&grant, &request);
    assert_same_facts(&grant, &held.grant);
}

pub(super) async fn the_longest_lifetimes_are_kept(fixture: &dyn Fixture) {
    let whole = Lifetime::capped(Span::MAX, Span::MAX).unwrap();
    for lifetime in [Lifetime::hard(Span::MAX), Lifetime::sliding(Span::MAX), whole] {
        let held = issue(fixture, &request("admin", lifetime)).await;
        let grant = present_live(fixture, &held).await;
        assert_same_facts(&grant, &held.grant);
        assert_tells_the_deadline(fixture, &grant).await;
        assert_full(remaining(fixture, &held).await, Span::MAX.as_duration());
    }
}

pub(super) async fn the_shortest_lifetimes_are_issued_and_end(fixture: &dyn Fixture) {
    let kinds: [fn(Span) -> Lifetime; 3] =
        [Lifetime::hard, Lifetime::sliding, |life| Lifetime::capped(life, life).unwrap()];
    for kind in kinds {
        // From the shortest possible lifetime up to a second.
        let lives = (0..=10).map(|doubled| millis(1 << doubled));
        let (held, request) =
            issue_the_shortest(fixture, lives.map(|life| request("admin", kind(life)))).await;
        assert_grants_what_was_asked(&held.grant, &request);
        let life = fixture.now().await.until(held.grant.expires_at);
        fixture.pass(life + millis(10).as_duration()).await;
        assert_gone(fixture, &held).await;
    }
}

pub(super) async fn an_id_that_is_taken_is_refused_and_nothing_changes(fixture: &dyn Fixture) {
    let held = issue(fixture, &with_remarks(request("admin", sliding("1h")), "first", "root")).await;
    let record = fixture.record(held.id()).await;
    fixture.age(held.id(), 40 * MINUTE).await;

    let second = with_remarks(request("admin", hard("24h")), "second", "somebody else");
    let refusal = fixture.store().issue(held.id(), &second).await.unwrap_err();
    assert_eq!(refusal.kind(), StoreErrorKind::Conflict);
    assert!(!refusal.is_retryable());

    assert_eq!(fixture.record(held.id()).await, record);
    assert!(remaining(fixture, &held).await <= 20 * MINUTE);
    assert_same_facts(&show_live(fixture, &held).await, &held.grant);
    assert_eq!(listed(fixture, &held.grant.subject).await, [held.id()]);
}

pub(super) async fn an_id_taken_by_another_subject_is_refused_without_change(fixture: &dyn Fixture) {
    let (owner, neighbour) = neighbours();
    let held = issue(fixture, &request(owner.as_str(), hard("1h"))).await;
    let refusal =
        fixture.store().issue(held.id(), &request(neighbour.as_str(), hard("1h"))).await.unwrap_err();
    assert_eq!(refusal.kind(), StoreErrorKind::Conflict);
    assert_eq!(listed(fixture, &owner).await, [held.id()]);
    assert!(list(fixture, &neighbour).await.is_empty());
    assert_same_facts(&present_live(fixture, &held).await, &held.grant);
}

pub(super) async fn an_id_of_another_partition_is_refused(fixture: &dyn Fixture) {
    let token = new_token(fixture, &subject("admin"));
    let refusal = fixture.store().issue(token.id(), &request("somebody else", hard("1h"))).await.unwrap_err();
    assert_eq!(refusal.kind(), StoreErrorKind::Conflict);
    assert_eq!(fixture.store().show(token.id()).await.unwrap(), TokenStatus::Unknown);
}

pub(super) async fn an_id_that_expired_is_free_again(fixture: &dyn Fixture) {
    let held = issue(fixture, &request("admin", hard("1h"))).await;
    fixture.age(held.id(), 2 * HOUR).await;
    let again = fixture.store().issue(held.id(), &request("admin", hard("2h"))).await.unwrap().outcome;
    assert_same_facts(&present_live(fixture, &held).await, &again);
}

pub(super) async fn an_id_that_was_revoked_is_never_issued_again(fixture: &dyn Fixture) {
    let asked = request("admin", hard("1h"));
    let alone = issue(fixture, &asked).await;
    let _ = fixture.store().revoke(alone.id(), &revocation("root", "lost")).await.unwrap();
    let together = issue(fixture, &asked).await;
    let _ = fixture.store().revoke_subject(&asked.subject, &revocation("root", "left")).await.unwrap();

    for held in [alone, together] {
        let before = show(fixture, &held).await;
        assert!(matches!(before, TokenStatus::Revoked(_)), "{before:?}");
        for store in [fixture.store(), fixture.other_node()] {
            let refusal = store.issue(held.id(), &asked).await.unwrap_err();
            assert_eq!(refusal.kind(), StoreErrorKind::Conflict);
        }
        assert_refused(fixture, &held).await;
        assert_eq!(show(fixture, &held).await, before);
    }
}

pub(super) async fn every_answer_names_the_id_that_was_issued(fixture: &dyn Fixture) {
    let held = issue(fixture, &request("admin", sliding("1h"))).await;
    let owner = &held.grant.subject;
    assert_eq!(held.id().partition(), token_core::spi::SubjectHash::of(owner).partition);
    assert_eq!(held.grant.id, held.token.id());
    assert_eq!(present_live(fixture, &held).await.id, held.token.id());
    assert_eq!(show_live(fixture, &held).await.id, held.token.id());
    assert_eq!(listed(fixture, owner).await, [held.token.id()]);
    let revoked = fixture.store().revoke_subject(owner, &revocation("root", "left")).await.unwrap().outcome;
    assert_eq!(revoked, [held.token.id()]);
    let TokenStatus::Revoked(tombstone) = show(fixture, &held).await else { panic!("it was revoked") };
    assert_eq!(tombstone.id, held.token.id());
}

pub(super) async fn a_token_that_was_never_issued_is_unknown(fixture: &dyn Fixture) {
    let issued = issue(fixture, &request("admin", hard("1h"))).await;
    let never = Held { token: new_token(fixture, &issued.grant.subject), ..issued };
    let verdict = present(fixture, &never, &Requirement::any()).await;
    assert_eq!(verdict, Verdict::Inactive(Reason::NoSuchToken));
    assert_eq!(fixture.store().show(never.token.id()).await.unwrap(), TokenStatus::Unknown);
}
