//! Pruning: it removes expired rows, and no live token and no tombstone.

use token_core::TokenStatus;
use token_core::spi::HOUSEKEEPING_LAG;

use super::steps::*;
use crate::Fixture;

pub(super) async fn pruning_removes_expired_tokens_and_returns_their_number(fixture: &dyn Fixture) {
    let live = issue(fixture, &request("admin", hard("30d"))).await;
    let dead = [
        issue(fixture, &request("admin", hard("1h"))).await,
        issue(fixture, &request("admin", sliding("1h"))).await,
        issue(fixture, &request("somebody", sliding("1h"))).await,
    ];
    for held in &dead {
        fixture.age(held.id(), HOUSEKEEPING_LAG + HOUR).await;
    }
    assert_eq!(fixture.store().prune().await.unwrap(), 3);
    assert_eq!(fixture.store().prune().await.unwrap(), 0);
    assert_eq!(listed(fixture, &live.grant.subject).await, [live.id()]);
    for held in &dead {
        assert_gone(fixture, held).await;
    }
}

pub(super) async fn pruning_removes_no_live_token(fixture: &dyn Fixture) {
    let mut held = Vec::new();
    for lifetime in [hard("24h"), sliding("24h"), capped("12h", "24h")] {
        for user in ["admin", "somebody"] {
            held.push(issue(fixture, &request(user, lifetime)).await);
        }
    }
    fixture.store().prune().await.unwrap();
    let expired = issue(fixture, &request("admin", hard("1h"))).await;
    fixture.age(expired.id(), HOUR).await;
    fixture.other_node().prune().await.unwrap();
    for held in &held {
        assert!(listed(fixture, &held.grant.subject).await.contains(&held.id()));
        assert_same_facts(&present_live(fixture, held).await, &held.grant);
    }
}

pub(super) async fn pruning_keeps_tombstones_and_revoked_tokens_stay_refused(fixture: &dyn Fixture) {
    let asked = request("admin", sliding("1h"));
    let held = issue(fixture, &asked).await;
    let _ = fixture.store().revoke(held.id(), &revocation("root", "lost")).await.unwrap();
    let before = show(fixture, &held).await;
    assert!(matches!(before, TokenStatus::Revoked(_)), "{before:?}");
    fixture.store().prune().await.unwrap();
    assert_eq!(show(fixture, &held).await, before);
    fixture.store().issue(held.id(), &asked).await.unwrap_err();
    assert_refused(fixture, &held).await;
}
