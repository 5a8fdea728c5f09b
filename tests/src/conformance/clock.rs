//! A clock that is set back: no use brings the end of a token nearer.

use token_core::Demand;

use super::steps::*;
use crate::rig::Rig;

pub(super) async fn a_use_on_a_clock_set_back_brings_no_end_nearer(rig: &dyn Rig) {
    for lifetime in [sliding("10m"), capped("10m", "24h"), hard("10m")] {
        let held = issue(rig, &request("admin", lifetime)).await;
        rig.set_back(15 * MINUTE);
        let used = present_live(rig, &held).await;
        assert_eq!(used.expires_at, held.grant.expires_at, "{lifetime:?}");
        assert_tells_the_deadline(rig, &used).await;
        // The clock is right again, and the token has all of its window.
        rig.pass(15 * MINUTE + 9 * MINUTE).await;
        present_live(rig, &held).await;
    }
}

pub(super) async fn a_use_on_a_clock_set_back_passes_no_cap(rig: &dyn Rig) {
    let held = issue(rig, &request("admin", capped("1h", "90m"))).await;
    rig.pass(HOUR - MINUTE).await;
    let cap = held.grant.deadlines.cap().unwrap();
    assert_eq!(present_live(rig, &held).await.expires_at, cap);
    rig.set_back(30 * MINUTE);
    assert_eq!(present_live(rig, &held).await.expires_at, cap);
    rig.pass(61 * MINUTE).await;
    assert_gone(rig, &held).await;
}

pub(super) async fn a_token_is_renewed_again_once_the_clock_has_caught_up(rig: &dyn Rig) {
    let held = issue(rig, &request("admin", sliding("1h"))).await;
    rig.set_back(30 * MINUTE);
    present_live(rig, &held).await;
    rig.pass(40 * MINUTE).await;
    let grant = present_live(rig, &held).await;
    assert_full(remaining(rig, &held).await, HOUR);
    assert_tells_the_deadline(rig, &grant).await;
}

pub(super) async fn a_refused_use_on_a_clock_set_back_changes_nothing(rig: &dyn Rig) {
    let held = issue(rig, &request("admin", sliding("1h"))).await;
    let end = rig.now().await.after(remaining(rig, &held).await);
    rig.set_back(30 * MINUTE);
    let other = Demand::any().subject(subject("other"));
    assert!(present(rig, &held, &other).await.grant().is_none());
    assert_eq!(rig.now().await.after(remaining(rig, &held).await), end);
}
