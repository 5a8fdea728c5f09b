//! A clock that is set back: no use brings the end of a token nearer.

use token_core::Requirement;

use super::steps::*;
use crate::Fixture;

pub(super) async fn a_use_on_a_clock_set_back_brings_no_end_nearer(fixture: &dyn Fixture) {
    for lifetime in [sliding("10m"), capped("10m", "24h"), hard("10m")] {
        let held = issue(fixture, &request("admin", lifetime)).await;
        fixture.set_back(15 * MINUTE);
        let used = present_live(fixture, &held).await;
        assert_eq!(used.expires_at, held.grant.expires_at, "{lifetime:?}");
        assert_tells_the_deadline(fixture, &used).await;
        // The clock is right again, and the token has all of its window.
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
