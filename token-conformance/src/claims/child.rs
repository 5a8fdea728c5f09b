//! Tokens that issue tokens: a child never exceeds its parent.

use token_core::{Access, IssueRequest, Lifetime, Parent, StoreErrorKind, TokenStatus};

use super::steps::*;
use crate::Fixture;

/// A request by the holder of `parent`, for a token of the same user.
pub(super) fn request_by(parent: &Held, lifetime: Lifetime) -> IssueRequest {
    let mut asked = IssueRequest::new(parent.grant.subject.clone(), Access::Full, lifetime);
    asked.parent = Some(Parent::of(&parent.grant).expect("a token of full access issues"));
    asked
}

fn lifetimes() -> [Lifetime; 4] {
    [hard("24h"), hard("1h"), sliding("10m"), capped("20m", "2h")]
}

pub(super) async fn a_child_has_the_deadlines_that_it_and_its_parent_both_allow(fixture: &dyn Fixture) {
    for lifetime in lifetimes() {
        let parent = issue(fixture, &request("admin", lifetime)).await;
        for asked in lifetimes() {
            let child = issue(fixture, &request_by(&parent, asked)).await;
            let both = asked.starting(child.grant.issued_at).and(parent.grant.deadlines);
            assert_eq!(child.grant.deadlines, both, "{asked:?} by {lifetime:?}");
            assert_tells_the_deadline(fixture, &child.grant).await;
            assert_same_facts(&present_live(fixture, &child).await, &child.grant);
            assert_same_facts(&show_live(fixture, &child).await, &child.grant);
        }
    }
}

pub(super) async fn a_child_in_use_dies_with_its_parent(fixture: &dyn Fixture) {
    let parent = issue(fixture, &request("admin", hard("1h"))).await;
    let child = issue(fixture, &request_by(&parent, sliding("2h"))).await;
    let end = parent.grant.expires_at;
    for _ in 0..3 {
        assert_eq!(present_live(fixture, &child).await.expires_at, end);
        fixture.pass(millis(20).as_duration()).await;
    }
}

pub(super) async fn an_unused_child_dies_within_the_window_of_its_parent(fixture: &dyn Fixture) {
    let parent = issue(fixture, &request("admin", sliding("10m"))).await;
    let child = issue(fixture, &request_by(&parent, hard("24h"))).await;
    assert_full(remaining(fixture, &child).await, 10 * MINUTE);
    fixture.age(child.id(), 11 * MINUTE).await;
    assert_gone(fixture, &child).await;
}

pub(super) async fn a_token_that_is_gone_issues_none(fixture: &dyn Fixture) {
    let revoked = issue(fixture, &request("admin", hard("1h"))).await;
    let _ = fixture.store().revoke(revoked.id(), &revocation("root", "lost")).await.unwrap();
    let expired = issue(fixture, &request("admin", hard("1h"))).await;
    fixture.age(expired.id(), 2 * HOUR).await;
    for parent in [revoked, expired] {
        let asked = request_by(&parent, hard("1m"));
        let token = new_token(fixture, &asked.subject);
        for store in [fixture.store(), fixture.other_node()] {
            let refusal = store.issue(token.id(), &asked).await.unwrap_err();
            assert_eq!(refusal.kind(), StoreErrorKind::ParentGone);
            assert!(!refusal.is_retryable());
        }
        assert_eq!(fixture.store().show(token.id()).await.unwrap(), TokenStatus::Unknown);
        assert!(list(fixture, &asked.subject).await.is_empty());
    }
}

pub(super) async fn a_token_issues_none_to_another_subject(fixture: &dyn Fixture) {
    let (owner, neighbour) = neighbours();
    let parent = issue(fixture, &request(owner.as_str(), hard("1h"))).await;
    for other in [neighbour, subject("somebody else")] {
        let asked = IssueRequest { subject: other.clone(), ..request_by(&parent, hard("1m")) };
        let refusal = fixture.store().issue(new_token(fixture, &other).id(), &asked).await.unwrap_err();
        assert_eq!(refusal.kind(), StoreErrorKind::Conflict);
        assert!(list(fixture, &other).await.is_empty());
    }
}
