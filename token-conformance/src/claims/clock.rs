//! A clock that is wrong for a while: no use makes a token expire earlier, and no housekeeping ends one.

use token_core::spi::HOUSEKEEPING_LAG;
use token_core::{Requirement, RevokeOutcome};

use super::steps::*;
use crate::Fixture;

pub(super) async fn a_use_on_a_clock_set_back_shortens_no_lifetime(fixture: &dyn Fixture) {
    for lifetime in [sliding("10m"), capped("10m", "24h"), hard("10m")] {
        let held = issue(fixture, &request("admin", lifetime)).await;
        fixture.set_back(15 * MINUTE);
        let used = present_live(fixture, &held).await;
        assert_eq!(used.expires_at, held.grant.expires_at, "{lifetime:?}");
        assert_tells_the_deadline(fixture, &used).await;
        // The clock is correct again, and the token has its full window.
        fixture.pass(15 * MINUTE + 9 * MINUTE).await;
        present_live(fixture, &held).await;
    }
}

pub(super) async fn a_use_on_a_clock_set_back_passes_no_cap(fixture: &dyn Fixture) {
    let held = issue(fixture, &request("admin", capped("1h", "90m"))).await;
    fixture.pass(HOUR - MINUTE).await;
    let cap = held.grant.deadlines.cap().unwrap();
    assert_eq!(present_live(fixture, &held).await.expires_at, cap);
    fixture.set_back(30 * MINUTE);
    assert_eq!(present_live(fixture, &held).await.expires_at, cap);
    fixture.pass(61 * MINUTE).await;
    assert_gone(fixture, &held).await;
}

pub(super) async fn a_token_is_renewed_again_once_the_clock_has_caught_up(fixture: &dyn Fixture) {
    let held = issue(fixture, &request("admin", sliding("1h"))).await;
    fixture.set_back(30 * MINUTE);
    present_live(fixture, &held).await;
    fixture.pass(40 * MINUTE).await;
    let grant = present_live(fixture, &held).await;
    assert_full(remaining(fixture, &held).await, HOUR);
    assert_tells_the_deadline(fixture, &grant).await;
}

pub(super) async fn a_refused_use_on_a_clock_set_back_changes_nothing(fixture: &dyn Fixture) {
    let held = issue(fixture, &request("admin", sliding("1h"))).await;
    let end = fixture.now().await.after(remaining(fixture, &held).await);
    fixture.set_back(30 * MINUTE);
    let other = Requirement::any().subject(subject("other"));
    assert!(present(fixture, &held, &other).await.grant().is_none());
    assert_eq!(fixture.now().await.after(remaining(fixture, &held).await), end);
}

/// More than enough issues for a store that removes expired tokens when it issues.
const ISSUES: usize = 200;

pub(super) async fn housekeeping_on_a_clock_ahead_ends_no_token(fixture: &dyn Fixture) {
    let held = issue(fixture, &request("admin", hard("1h"))).await;
    fixture.pass(HOUSEKEEPING_LAG).await;
    for _ in 0..ISSUES {
        issue(fixture, &request("somebody", hard("1h"))).await;
    }
    assert_eq!(fixture.store().prune().await.unwrap(), 0);
    assert_gone(fixture, &held).await;
    fixture.set_back(HOUSEKEEPING_LAG);
    present_live(fixture, &held).await;
}

pub(super) async fn a_revocation_on_a_clock_ahead_is_final(fixture: &dyn Fixture) {
    let held = issue(fixture, &request("admin", hard("1h"))).await;
    fixture.pass(2 * HOUR).await;
    let revoked = fixture.store().revoke(held.id(), &revocation("root", "lost")).await.unwrap();
    assert_eq!(revoked.outcome, RevokeOutcome::Unknown, "it has expired");
    fixture.set_back(2 * HOUR);
    assert_gone(fixture, &held).await;
}

pub(super) async fn revoking_a_subject_on_a_clock_ahead_is_final(fixture: &dyn Fixture) {
    let held = issue(fixture, &request("admin", hard("1h"))).await;
    let other = issue(fixture, &request("somebody", hard("1h"))).await;
    fixture.pass(2 * HOUR).await;
    let revoked = fixture.store().revoke_subject(&held.grant.subject, &revocation("root", "left")).await;
    assert!(revoked.unwrap().outcome.is_empty(), "all have expired");
    fixture.set_back(2 * HOUR);
    assert_gone(fixture, &held).await;
    present_live(fixture, &other).await;
}
