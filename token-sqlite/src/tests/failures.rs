//! Tests of failures, and of the state after them.

use super::*;
use std::sync::atomic::{AtomicBool, Ordering};

use token_core::spi::{Clock, TokenStore};
use token_core::{Revocation, RevokeOutcome, StoreErrorKind, TokenStatus};

/// A clock that panics on demand, in the middle of a transaction.
#[derive(Debug)]
struct Fragile {
    breaks: Arc<AtomicBool>,
}

impl Clock for Fragile {
    fn now(&self) -> Timestamp {
        assert!(!self.breaks.swap(false, Ordering::SeqCst), "the clock broke");
        Timestamp::from_millis(1)
    }
}

#[tokio::test]
async fn a_panic_in_a_call_is_resumed_and_leaves_the_store_usable() {
    let folder = tempfile::tempdir().unwrap();
    let breaks = Arc::new(AtomicBool::new(false));
    let clock = Fragile { breaks: Arc::clone(&breaks) };
    let store = SqliteStore::open_with_clock(&folder.path().join("t.db"), Arc::new(KeyRing::public()), clock)
        .unwrap();
    let tokens = Arc::new(TokenService::new(store, Prefix::default()));
    let issued = issue(&tokens, hard()).await;
    breaks.store(true, Ordering::SeqCst);
    let store = tokens.store().clone();
    let id = issued.grant.id;
    let broken = tokio::spawn(async move { store.revoke(id, &Revocation::default()).await });
    assert!(broken.await.unwrap_err().is_panic());
    assert!(is_active(&tokens, &issued).await);
    assert_eq!(
        tokens.store().revoke(id, &Revocation::default()).await.unwrap().outcome,
        RevokeOutcome::Revoked
    );
}

#[tokio::test]
async fn a_token_without_room_is_not_stored_at_all() {
    let place = Place::new();
    let tokens = place.open();
    {
        let writer = tokens.store().inner.database.writer.lock().unwrap();
        let pages: i64 = writer.disk.pragma_query_value(None, "page_count", |row| row.get(0)).unwrap();
        writer.disk.pragma_update(None, "max_page_count", pages).unwrap();
    }
    let request = IssueRequest::new(admin(), Access::Full, hard());
    let mut issued = 0;
    let error = loop {
        match tokens.issue(&request).await {
            Ok(_) => issued += 1,
            Err(error) => break error.into_store().unwrap(),
        }
    };
    assert_eq!(error.kind(), StoreErrorKind::Full);
    assert!(error.to_string().starts_with("cannot issue: the database /"), "{error}");
    assert_eq!(place.count("tokens"), issued);
    assert_eq!(tokens.store().list(&admin()).await.unwrap().grants.len() as u64, issued);
}

#[tokio::test]
async fn a_record_that_was_changed_is_an_error_until_it_is_revoked() {
    let place = Place::new();
    let tokens = place.open();
    let issued = issue(&tokens, hard()).await;
    place.raw().execute("UPDATE tokens SET record = CAST(record || x'00' AS BLOB)", ()).unwrap();
    let error = tokens.validate(issued.token.expose_secret(), &Requirement::any()).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Corrupt);
    let listing = tokens.store().list(&admin()).await.unwrap();
    assert_eq!(listing.unreadable.iter().map(|row| row.id).collect::<Vec<_>>(), [issued.grant.id]);
    let revoked = tokens.store().revoke_subject(&admin(), &Revocation::default()).await.unwrap().outcome;
    assert_eq!(revoked, [issued.grant.id]);
    assert!(!is_active(&tokens, &issued).await);
    let TokenStatus::Revoked(tombstone) = tokens.store().show(issued.grant.id).await.unwrap() else {
        panic!("just revoked");
    };
    assert_eq!(tombstone.subject, None, "no part of the record is trusted");
}

#[tokio::test]
async fn a_database_that_lost_a_table_is_damaged() {
    let place = Place::new();
    let tokens = place.open();
    place.raw().execute_batch("DROP TABLE tombstones").unwrap();
    let issued = tokens.issue(&IssueRequest::new(admin(), Access::Full, hard())).await;
    assert_eq!(issued.unwrap_err().into_store().unwrap().kind(), StoreErrorKind::Corrupt);
    assert_eq!(place.count("tokens"), 0, "no change is half made");
}

#[tokio::test]
async fn a_row_that_no_store_wrote_hides_no_other_one() {
    let place = Place::new();
    let tokens = place.open();
    let (good, other) = (issue(&tokens, hard()).await, issue(&tokens, hard()).await);
    let raw = place.raw();
    raw.execute_batch("PRAGMA ignore_check_constraints = 1").unwrap();
    for key in ["x'ff'", "x''", "zeroblob(19)", "x'04000000000000000000000000000000000a'"] {
        let copy =
            format!("INSERT INTO tokens SELECT {key}, subject, record, expires_at FROM tokens LIMIT 1");
        raw.execute_batch(&copy).unwrap();
    }
    let listing = tokens.store().list(&admin()).await.unwrap();
    assert_eq!((listing.grants.len(), listing.unreadable.len()), (2, 0));
    let mut ended = tokens.store().revoke_subject(&admin(), &Revocation::default()).await.unwrap().outcome;
    ended.sort();
    let mut both = [good.grant.id, other.grant.id];
    both.sort();
    assert_eq!(ended, both);
    assert_eq!(place.count("tokens"), 0, "nothing of the subject's is left");
}
