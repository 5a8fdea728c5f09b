//! Validation: a live token is active with all its facts, and a dead one is unknown.

use token_core::{Demand, Mode, Reason, RevokeOutcome, Verdict};

use super::steps::*;
use crate::rig::Rig;

pub(super) async fn a_live_token_is_active_with_all_its_facts(rig: &dyn Rig) {
    for lifetime in [hard("24h"), sliding("10m"), capped("10m", "24h")] {
        let mut request = restricted("admin", lifetime, &[(1, "r"), (2, "w")]);
        request.label = Some("backup".parse().unwrap());
        request.issuer = Some("root".parse().unwrap());
        let held = issue(rig, &request).await;
        for verdict in [present(rig, &held, &Demand::any()).await, peek(rig, &held, &Demand::any()).await] {
            let grant = active(verdict);
            assert_same_facts(&grant, &held.grant);
            assert_tells_the_deadline(rig, &grant).await;
        }
    }
}

pub(super) async fn a_token_is_active_on_every_node(rig: &dyn Rig) {
    let held = issue(rig, &request("admin", sliding("10m"))).await;
    let other = rig.other_node();
    let grant = active(other.validate(held.token, &Demand::any(), Mode::Use).await.unwrap());
    assert_same_facts(&grant, &held.grant);
    let listed = other.list(&held.grant.subject).await.unwrap().grants;
    let [grant] = listed.as_slice() else { panic!("one token, not {listed:?}") };
    assert_same_facts(grant, &held.grant);
}

pub(super) async fn a_hard_token_is_gone_when_its_time_is_over(rig: &dyn Rig) {
    let held = issue(rig, &request("admin", hard("1h"))).await;
    rig.age(held.id(), HOUR).await;
    assert_gone(rig, &held).await;
}

pub(super) async fn a_hard_token_in_use_is_gone_when_its_time_is_over(rig: &dyn Rig) {
    let held = issue(rig, &request("admin", hard("1h"))).await;
    for _ in 0..3 {
        present_live(rig, &held).await;
        rig.age(held.id(), 20 * MINUTE).await;
    }
    assert_gone(rig, &held).await;
}

pub(super) async fn a_token_that_is_idle_for_its_window_is_gone(rig: &dyn Rig) {
    for lifetime in [sliding("1h"), capped("1h", "24h")] {
        let held = issue(rig, &request("admin", lifetime)).await;
        present_live(rig, &held).await;
        rig.age(held.id(), HOUR).await;
        assert_gone(rig, &held).await;
    }
}

pub(super) async fn an_expired_token_stays_gone_whatever_is_done_with_it(rig: &dyn Rig) {
    let held = issue(rig, &request("admin", sliding("1h"))).await;
    rig.age(held.id(), HOUR).await;
    let demand = Demand::any().subject(subject("admin")).need(need(1, "r", &[]));
    assert_eq!(present(rig, &held, &demand).await, Verdict::Inactive(Reason::Unknown));
    let outcome = rig.store().revoke(held.id(), &revocation("root", "too late")).await.unwrap().outcome;
    assert_eq!(outcome, RevokeOutcome::Unknown);
    let revoked = rig
        .store()
        .revoke_subject(&held.grant.subject, &revocation("root", "too late"))
        .await
        .unwrap()
        .outcome;
    assert!(revoked.is_empty(), "{revoked:?}");
    rig.store().prune().await.unwrap();
    assert_gone(rig, &held).await;
}
