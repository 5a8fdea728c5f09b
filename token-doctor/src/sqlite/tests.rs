//! Tests with a wrong clock.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use token_core::spi::{Clock, ManualClock, SystemClock};
use token_core::{Access, IssueRequest, Issued, KeyRing, Lifetime, Prefix, Requirement, Span, TokenService};
use token_sqlite::SqliteStore;

use super::examine_tokens;
use crate::FindingStatus;

/// A folder with a database in it, and the clock of all who open it.
struct Place {
    folder: tempfile::TempDir,
    clock: Arc<ManualClock>,
}

impl Place {
    fn path(&self) -> PathBuf {
        self.folder.path().join("t.db")
    }

    fn open(&self) -> TokenService<SqliteStore> {
        let keys = Arc::new(KeyRing::public());
        let store = SqliteStore::open_with_clock(&self.path(), keys, Arc::clone(&self.clock)).unwrap();
        TokenService::new(store, Prefix::default())
    }
}

fn minutes(count: u64) -> Span {
    Span::from_millis(count * 60_000).unwrap()
}

fn hard() -> Lifetime {
    Lifetime::hard(minutes(10))
}

fn sliding() -> Lifetime {
    Lifetime::sliding(minutes(10))
}

async fn issue(tokens: &TokenService<SqliteStore>, lifetime: Lifetime) -> Issued {
    let request = IssueRequest::new("admin".parse().unwrap(), Access::Full, lifetime);
    tokens.issue(&request).await.unwrap()
}

async fn is_active(tokens: &TokenService<SqliteStore>, issued: &Issued) -> bool {
    let verdict = tokens.validate(issued.token.expose_secret(), &Requirement::any()).await.unwrap();
    verdict.grant().is_some()
}

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
