//! Renewal: a use prolongs a sliding token by its window, never beyond its cap; looking prolongs nothing.

use token_core::{Demand, Lifetime, Reason, Verdict};

use super::steps::*;
use crate::rig::Rig;

pub(super) async fn a_use_renews_a_sliding_token_to_a_full_window(rig: &dyn Rig) {
    let held = issue(rig, &request("admin", sliding("1h"))).await;
    rig.age(held.id(), 40 * MINUTE).await;
    assert!(remaining(rig, &held).await <= 20 * MINUTE);
    let grant = present_live(rig, &held).await;
    assert_full(remaining(rig, &held).await, HOUR);
    assert_tells_the_deadline(rig, &grant).await;
}

pub(super) async fn a_sliding_token_in_use_outlives_many_windows(rig: &dyn Rig) {
    let held = issue(rig, &request("admin", sliding("1h"))).await;
    for _ in 0..10 {
        rig.age(held.id(), 50 * MINUTE).await;
        assert_same_facts(&present_live(rig, &held).await, &held.grant);
    }
}

pub(super) async fn a_use_prolongs_no_hard_token(rig: &dyn Rig) {
    let held = issue(rig, &request("admin", hard("1h"))).await;
    rig.age(held.id(), 40 * MINUTE).await;
    let grant = present_live(rig, &held).await;
    assert!(remaining(rig, &held).await <= 20 * MINUTE);
    assert_full(remaining(rig, &held).await, 20 * MINUTE);
    assert_eq!(grant.deadlines, held.grant.deadlines);
}

pub(super) async fn a_hard_token_tells_its_hard_expiry(rig: &dyn Rig) {
    let held = issue(rig, &request("admin", hard("1h"))).await;
    let cap = held.grant.issued_at.after(HOUR);
    for grant in [present_live(rig, &held).await, show_live(rig, &held).await, held.grant.clone()] {
        assert_eq!(grant.deadlines.cap(), Some(cap));
        assert!(grant.expires_at <= cap, "{grant:?}");
        assert_tells_the_deadline(rig, &grant).await;
    }
}

pub(super) async fn a_use_renews_a_capped_token_to_a_full_window(rig: &dyn Rig) {
    let held = issue(rig, &request("admin", capped("1h", "24h"))).await;
    rig.age(held.id(), 40 * MINUTE).await;
    let grant = present_live(rig, &held).await;
    assert_full(remaining(rig, &held).await, HOUR);
    assert_same_facts(&grant, &held.grant);
}

pub(super) async fn no_renewal_passes_the_cap(rig: &dyn Rig) {
    for lifetime in [capped("1h", "1h"), capped("1h", "90m")] {
        let held = issue(rig, &request("admin", lifetime)).await;
        let cap = held.grant.deadlines.cap().unwrap();
        for _ in 0..3 {
            // From here on a full window of the first one reaches beyond its cap.
            rig.pass(millis(5).as_duration()).await;
            let grant = present_live(rig, &held).await;
            assert!(grant.expires_at <= cap, "{grant:?}");
            assert_tells_the_deadline(rig, &grant).await;
            assert_same_facts(&grant, &held.grant);
            rig.age(held.id(), 20 * MINUTE).await;
        }
    }
}

pub(super) async fn a_token_in_constant_use_dies_at_its_cap(rig: &dyn Rig) {
    // A machine that pauses for a whole window proves nothing about the store: the next round has longer windows.
    for doubled in 0..6 {
        if outlives_its_window_and_dies_at_its_cap(rig, 150 << doubled).await {
            return;
        }
    }
    panic!("each round was interrupted by a pause as long as its window");
}

/// Uses a token until its cap. Returns `false` for a round that a pause has ended early: by the store's clock, a whole
/// window passed without a use.
async fn outlives_its_window_and_dies_at_its_cap(rig: &dyn Rig, window: u64) -> bool {
    let lifetime = Lifetime::capped(millis(window), millis(2 * window)).unwrap();
    let Some(held) = issue_briefly(rig, &request("admin", lifetime)).await else { return false };
    let (cap, first_end) = (held.grant.deadlines.cap().unwrap(), held.grant.expires_at);
    let (mut used, mut outlived) = (held.grant.issued_at, false);
    loop {
        let before = rig.now().await;
        match present(rig, &held, &Demand::any()).await {
            Verdict::Active(grant) => {
                assert!(before <= cap, "it is active behind its cap: {grant:?}");
                assert!(grant.expires_at <= cap, "{grant:?}");
                outlived |= before > first_end;
                used = before;
            }
            Verdict::Inactive(reason) => {
                assert_eq!(reason, Reason::Unknown);
                let now = rig.now().await;
                if now >= cap {
                    break;
                }
                let idle = used.until(now);
                assert!(idle >= millis(window).as_duration(), "it died {idle:?} after its last use");
                return false;
            }
        }
        rig.pass(millis(10).as_duration()).await;
    }
    // Redis keeps what it keeps until the millisecond of its end is over.
    rig.pass(millis(2).as_duration()).await;
    assert_gone(rig, &held).await;
    outlived
}

pub(super) async fn a_peek_renews_nothing(rig: &dyn Rig) {
    for lifetime in [sliding("1h"), capped("1h", "24h")] {
        let held = issue(rig, &request("admin", lifetime)).await;
        rig.age(held.id(), 40 * MINUTE).await;
        let grant = active(peek(rig, &held, &Demand::any()).await);
        assert!(remaining(rig, &held).await <= 20 * MINUTE);
        assert_tells_the_deadline(rig, &grant).await;
        rig.age(held.id(), 20 * MINUTE).await;
        assert_gone(rig, &held).await;
    }
}

pub(super) async fn showing_renews_nothing(rig: &dyn Rig) {
    let held = issue(rig, &request("admin", sliding("1h"))).await;
    rig.age(held.id(), 40 * MINUTE).await;
    let grant = show_live(rig, &held).await;
    assert!(remaining(rig, &held).await <= 20 * MINUTE);
    assert_tells_the_deadline(rig, &grant).await;
    assert_same_facts(&grant, &held.grant);
}

pub(super) async fn listing_renews_nothing(rig: &dyn Rig) {
    let held = issue(rig, &request("admin", sliding("1h"))).await;
    rig.age(held.id(), 40 * MINUTE).await;
    let grants = list(rig, &held.grant.subject).await;
    assert!(remaining(rig, &held).await <= 20 * MINUTE);
    let [grant] = grants.as_slice() else { panic!("one token, not {grants:?}") };
    assert_tells_the_deadline(rig, grant).await;
}

pub(super) async fn pruning_renews_nothing(rig: &dyn Rig) {
    let held = issue(rig, &request("admin", sliding("1h"))).await;
    rig.age(held.id(), 40 * MINUTE).await;
    rig.store().prune().await.unwrap();
    assert!(remaining(rig, &held).await <= 20 * MINUTE);
}

pub(super) async fn a_use_renews_no_other_token(rig: &dyn Rig) {
    let asked = request("admin", sliding("1h"));
    let (used, other) = (issue(rig, &asked).await, issue(rig, &asked).await);
    rig.age(other.id(), 40 * MINUTE).await;
    present_live(rig, &used).await;
    assert!(remaining(rig, &other).await <= 20 * MINUTE);
}
