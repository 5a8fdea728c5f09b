//! Pruning: it clears away the dead and touches nothing that lives or explains.

use token_core::Sighting;

use super::steps::*;
use crate::rig::Rig;

pub(super) async fn pruning_clears_away_what_expired_and_says_how_much(rig: &dyn Rig) {
    let live = issue(rig, &request("admin", hard("24h"))).await;
    let dead = [
        issue(rig, &request("admin", hard("1h"))).await,
        issue(rig, &request("admin", sliding("1h"))).await,
        issue(rig, &request("somebody", sliding("1h"))).await,
    ];
    for held in &dead {
        rig.age(held.id(), HOUR).await;
    }
    assert_eq!(rig.store().prune().await.unwrap(), 3);
    assert_eq!(rig.store().prune().await.unwrap(), 0);
    assert_eq!(listed(rig, &live.grant.subject).await, [live.id()]);
    for held in &dead {
        assert_gone(rig, held).await;
    }
}

pub(super) async fn pruning_removes_no_live_token(rig: &dyn Rig) {
    let mut held = Vec::new();
    for lifetime in [hard("24h"), sliding("24h"), capped("12h", "24h")] {
        for user in ["admin", "somebody"] {
            held.push(issue(rig, &request(user, lifetime)).await);
        }
    }
    rig.store().prune().await.unwrap();
    let expired = issue(rig, &request("admin", hard("1h"))).await;
    rig.age(expired.id(), HOUR).await;
    rig.other_node().prune().await.unwrap();
    for held in &held {
        assert!(listed(rig, &held.grant.subject).await.contains(&held.id()));
        assert_same_facts(&present_live(rig, held).await, &held.grant);
    }
}

pub(super) async fn pruning_leaves_the_revoked_explained_and_refused(rig: &dyn Rig) {
    let asked = request("admin", sliding("1h"));
    let held = issue(rig, &asked).await;
    let _ = rig.store().revoke(held.id(), &revocation("root", "lost")).await.unwrap();
    let before = show(rig, &held).await;
    assert!(matches!(before, Sighting::Revoked(_)), "{before:?}");
    rig.store().prune().await.unwrap();
    assert_eq!(show(rig, &held).await, before);
    rig.store().issue(held.id(), &asked).await.unwrap_err();
    assert_refused(rig, &held).await;
}
