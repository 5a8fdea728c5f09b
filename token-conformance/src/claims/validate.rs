//! Validation: a live token is active with its complete grant, and an expired one is unknown.

use token_core::{Mode, Reason, Requirement, RevokeOutcome, Verdict};

use super::steps::*;
use crate::Fixture;

pub(super) async fn a_live_token_is_active_with_all_its_facts(fixture: &dyn Fixture) {
    for lifetime in [hard("24h"), sliding("10m"), capped("10m", "24h")] {
        let mut request = restricted("admin", lifetime, &[(1, "r"), (2, "w")]);
        request.label = Some("backup".parse().unwrap());
        request.issuer = Some("root".parse().unwrap());
        let held = issue(fixture, &request).await;
        for verdict in [
            present(fixture, &held, &Requirement::any()).await,
            peek(fixture, &held, &Requirement::any()).await,
        ] {
            let grant = active(verdict);
            assert_same_facts(&grant, &held.grant);
            assert_tells_the_deadline(fixture, &grant).await;
        }
    }
}

pub(super) async fn a_token_is_active_on_every_node(fixture: &dyn Fixture) {
    let held = issue(fixture, &request("admin", sliding("10m"))).await;
    let other = fixture.other_node();
    let grant = active(other.validate(held.token, &Requirement::any(), Mode::Use).await.unwrap());
    assert_same_facts(&grant, &held.grant);
    let listed = other.list(&held.grant.subject).await.unwrap().grants;
    let [grant] = listed.as_slice() else { panic!("one token, not {listed:?}") };
    assert_same_facts(grant, &held.grant);
}

pub(super) async fn a_hard_token_is_gone_when_its_time_is_over(fixture: &dyn Fixture) {
    let held = issue(fixture, &request("admin", hard("1h"))).await;
    fixture.age(held.id(), HOUR).await;
    assert_gone(fixture, &held).await;
}

pub(super) async fn a_hard_token_in_use_is_gone_when_its_time_is_over(fixture: &dyn Fixture) {
    let held = issue(fixture, &request("admin", hard("1h"))).await;
    for _ in 0..3 {
        present_live(fixture, &held).await;
        fixture.age(held.id(), 20 * MINUTE).await;
    }
    assert_gone(fixture, &held).await;
}

pub(super) async fn a_token_that_is_idle_for_its_window_is_gone(fixture: &dyn Fixture) {
    for lifetime in [sliding("1h"), capped("1h", "24h")] {
        let held = issue(fixture, &request("admin", lifetime)).await;
        present_live(fixture, &held).await;
        fixture.age(held.id(), HOUR).await;
        assert_gone(fixture, &held).await;
    }
}

pub(super) async fn an_expired_token_stays_gone_after_any_operation(fixture: &dyn Fixture) {
    let held = issue(fixture, &request("admin", sliding("1h"))).await;
    fixture.age(held.id(), HOUR).await;
    let requirement = Requirement::any().subject(subject("admin")).permission(need(1, "r", &[]));
    assert_eq!(present(fixture, &held, &requirement).await, Verdict::Inactive(Reason::NoSuchToken));
    let outcome = fixture.store().revoke(held.id(), &revocation("root", "too late")).await.unwrap().outcome;
    assert_eq!(outcome, RevokeOutcome::Unknown);
    let revoked = fixture
        .store()
        .revoke_subject(&held.grant.subject, &revocation("root", "too late"))
        .await
        .unwrap()
        .outcome;
    assert!(revoked.is_empty(), "{revoked:?}");
    fixture.store().prune().await.unwrap();
    assert_gone(fixture, &held).await;
}
