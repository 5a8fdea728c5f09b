//! Renewal: a use prolongs a sliding token by its window, never beyond its cap; queries prolong nothing.

use token_core::{Lifetime, Reason, Requirement, Verdict};

use super::steps::*;
use crate::Fixture;

pub(super) async fn a_use_renews_a_sliding_token_to_a_full_window(fixture: &dyn Fixture) {
    let held = issue(fixture, &request("admin", sliding("1h"))).await;
    fixture.age(held.id(), 40 * MINUTE).await;
    assert!(remaining(fixture, &held).await <= 20 * MINUTE);
    let grant = present_live(fixture, &held).await;
    assert_full(remaining(fixture, &held).await, HOUR);
    assert_tells_the_deadline(fixture, &grant).await;
}

pub(super) async fn a_sliding_token_in_use_outlives_many_windows(fixture: &dyn Fixture) {
    let held = issue(fixture, &request("admin", sliding("1h"))).await;
    for _ in 0..10 {
        fixture.age(held.id(), 50 * MINUTE).await;
        assert_same_facts(&present_live(fixture, &held).await, &held.grant);
    }
}

pub(super) async fn a_use_prolongs_no_hard_token(fixture: &dyn Fixture) {
    let held = issue(fixture, &request("admin", hard("1h"))).await;
    fixture.age(held.id(), 40 * MINUTE).await;
    let grant = present_live(fixture, &held).await;
    assert!(remaining(fixture, &held).await <= 20 * MINUTE);
    assert_full(remaining(fixture, &held).await, 20 * MINUTE);
    assert_eq!(grant.deadlines, held.grant.deadlines);
}

pub(super) async fn a_grant_of_a_hard_token_has_its_hard_expiry(fixture: &dyn Fixture) {
    let held = issue(fixture, &request("admin", hard("1h"))).await;
    let cap = held.grant.issued_at.after(HOUR);
    for grant in [present_live(fixture, &held).await, show_live(fixture, &held).await, held.grant.clone()] {
        assert_eq!(grant.deadlines.cap(), Some(cap));
        assert!(grant.expires_at <= cap, "{grant:?}");
        assert_tells_the_deadline(fixture, &grant).await;
    }
}

pub(super) async fn a_use_renews_a_capped_token_to_a_full_window(fixture: &dyn Fixture) {
    let held = issue(fixture, &request("admin", capped("1h", "24h"))).await;
    fixture.age(held.id(), 40 * MINUTE).await;
    let grant = present_live(fixture, &held).await;
    assert_full(remaining(fixture, &held).await, HOUR);
    assert_same_facts(&grant, &held.grant);
}

pub(super) async fn no_renewal_passes_the_cap(fixture: &dyn Fixture) {
    for lifetime in [capped("1h", "1h"), capped("1h", "90m")] {
        let held = issue(fixture, &request("admin", lifetime)).await;
        let cap = held.grant.deadlines.cap().unwrap();
        for _ in 0..3 {
            // From here on, a full window of the first token would end after its cap.
            fixture.pass(millis(5).as_duration()).await;
            let grant = present_live(fixture, &held).await;
            assert!(grant.expires_at <= cap, "{grant:?}");
            assert_tells_the_deadline(fixture, &grant).await;
            assert_same_facts(&grant, &held.grant);
            fixture.age(held.id(), 20 * MINUTE).await;
        }
    }
}

pub(super) async fn a_token_in_constant_use_dies_at_its_cap(fixture: &dyn Fixture) {
    // If the machine pauses for a whole window, the round proves nothing about the store: the next one has longer windows.
    for doubled in 0..6 {
        if outlives_its_window_and_dies_at_its_cap(fixture, 150 << doubled).await {
            return;
        }
    }
    panic!("each round was interrupted by a pause as long as its window");
}

/// Uses a token until its cap. Returns `false` if a pause has ended the round early: by the store's clock, a whole window
/// passed without a use.
async fn outlives_its_window_and_dies_at_its_cap(fixture: &dyn Fixture, window: u64) -> bool {
    let lifetime = Lifetime::capped(millis(window), millis(2 * window)).unwrap();
    let Some(held) = issue_briefly(fixture, &request("admin", lifetime)).await else { return false };
    let (cap, first_end) = (held.grant.deadlines.cap().unwrap(), held.grant.expires_at);
    let (mut used, mut outlived) = (held.grant.issued_at, false);
    loop {
        let before = fixture.now().await;
        match present(fixture, &held, &Requirement::any()).await {
            Verdict::Active(grant) => {
                assert!(before <= cap, "it is active behind its cap: {grant:?}");
                assert!(grant.expires_at <= cap, "{grant:?}");
                outlived |= before > first_end;
                used = before;
            }
            Verdict::Inactive(reason) => {
                assert_eq!(reason, Reason::NoSuchToken);
                let now = fixture.now().await;
                if now >= cap {
                    break;
                }
                let idle = used.until(now);
                assert!(idle >= millis(window).as_duration(), "it died {idle:?} after its last use");
                return false;
            }
        }
        fixture.pass(millis(10).as_duration()).await;
    }
    // Redis keeps a key until the millisecond of its expiry is over.
    fixture.pass(millis(2).as_duration()).await;
    assert_gone(fixture, &held).await;
    outlived
}

pub(super) async fn a_peek_renews_nothing(fixture: &dyn Fixture) {
    for lifetime in [sliding("1h"), capped("1h", "24h")] {
        let held = issue(fixture, &request("admin", lifetime)).await;
        fixture.age(held.id(), 40 * MINUTE).await;
        let grant = active(peek(fixture, &held, &Requirement::any()).await);
        assert!(remaining(fixture, &held).await <= 20 * MINUTE);
        assert_tells_the_deadline(fixture, &grant).await;
        fixture.age(held.id(), 20 * MINUTE).await;
        assert_gone(fixture, &held).await;
    }
}

pub(super) async fn showing_renews_nothing(fixture: &dyn Fixture) {
    let held = issue(fixture, &request("admin", sliding("1h"))).await;
    fixture.age(held.id(), 40 * MINUTE).await;
    let grant = show_live(fixture, &held).await;
    assert!(remaining(fixture, &held).await <= 20 * MINUTE);
    assert_tells_the_deadline(fixture, &grant).await;
    assert_same_facts(&grant, &held.grant);
}

pub(super) async fn listing_renews_nothing(fixture: &dyn Fixture) {
    let held = issue(fixture, &request("admin", sliding("1h"))).await;
    fixture.age(held.id(), 40 * MINUTE).await;
    let grants = list(fixture, &held.grant.subject).await;
    assert!(remaining(fixture, &held).await <= 20 * MINUTE);
    let [grant] = grants.as_slice() else { panic!("one token, not {grants:?}") };
    assert_tells_the_deadline(fixture, grant).await;
}

pub(super) async fn pruning_renews_nothing(fixture: &dyn Fixture) {
    let held = issue(fixture, &request("admin", sliding("1h"))).await;
    fixture.age(held.id(), 40 * MINUTE).await;
    fixture.store().prune().await.unwrap();
    assert!(remaining(fixture, &held).await <= 20 * MINUTE);
}

pub(super) async fn a_use_renews_no_other_token(fixture: &dyn Fixture) {
    let asked = request("admin", sliding("1h"));
    let (used, other) = (issue(fixture, &asked).await, issue(fixture, &asked).await);
    fixture.age(other.id(), 40 * MINUTE).await;
    present_live(fixture, &used).await;
    assert!(remaining(fixture, &other).await <= 20 * MINUTE);
}
