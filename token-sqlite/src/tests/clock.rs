//! Tests with a wrong clock.

use super::*;
use crate::examine_tokens;
use token_core::FindingStatus;
use token_core::spi::{Clock, SystemClock};

/// The status of each check of the tokens, and the finding about their lifetimes.
fn examined(place: &Place, keys: &KeyRing) -> (Vec<(&'static str, FindingStatus)>, String) {
    let findings = examine_tokens(&place.path(), keys);
    let status = findings.iter().map(|finding| (finding.check, finding.status)).collect();
    (status, findings.last().map(|finding| finding.found.clone()).unwrap_or_default())
}

/// A database on a clock that is ahead of the system's.
fn place_ahead_by(ahead: Duration) -> Place {
    let clock = Arc::new(ManualClock::new(SystemClock.now().after(ahead)));
    Place { folder: tempfile::tempdir().unwrap(), clock }
}

#[tokio::test]
async fn a_token_issued_while_the_clock_was_ahead_is_found() {
    const YEARS: Duration = Duration::from_secs(3 * 365 * 24 * 3600);
    for lifetime in [hard(), sliding(), Lifetime::capped(minutes(10), minutes(30)).unwrap()] {
        let place = place_ahead_by(YEARS);
        let tokens = place.open();
        let issued = issue(&tokens, lifetime).await;
        let (status, found) = examined(&place, &KeyRing::public());
        assert_eq!(status[1..], [("records", FindingStatus::Ok), ("lifetimes", FindingStatus::Failure)]);
        assert!(found.contains(&issued.grant.id.to_string()), "{found}");
    }
}

#[tokio::test]
async fn a_token_used_while_the_clock_was_ahead_is_found() {
    let place = place_ahead_by(Duration::ZERO);
    let tokens = place.open();
    let lifetime = Lifetime::sliding("400d".parse().unwrap());
    let issued = issue(&tokens, lifetime).await;
    assert_eq!(examined(&place, &KeyRing::public()).0[2], ("lifetimes", FindingStatus::Ok));
    place.clock.advance(Duration::from_secs(365 * 24 * 3600));
    assert!(is_active(&tokens, &issued).await);
    place.clock.set_back(Duration::from_secs(365 * 24 * 3600));
    assert!(is_active(&tokens, &issued).await, "a use does not hide it");
    assert_eq!(examined(&place, &KeyRing::public()).0[2], ("lifetimes", FindingStatus::Failure));
}

#[tokio::test]
async fn sound_tokens_pass_and_unreadable_ones_are_a_failure() {
    let place = place_ahead_by(Duration::from_secs(1));
    let tokens = place.open();
    for lifetime in [hard(), sliding()] {
        issue(&tokens, lifetime).await;
    }
    let ok = [
        ("key-versions", FindingStatus::Ok),
        ("records", FindingStatus::Ok),
        ("lifetimes", FindingStatus::Ok),
    ];
    assert_eq!(examined(&place, &KeyRing::public()).0, ok);
    let others = KeyRing::parse(&format!("1 {}", "5eed".repeat(16))).unwrap();
    assert_eq!(examined(&place, &others).0[1], ("records", FindingStatus::Failure));
}
