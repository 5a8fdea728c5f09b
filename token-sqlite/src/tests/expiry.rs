//! Tests of expired rows.

use super::*;
use crate::transitions::{CLEARED_AT_ISSUE, CLEARED_AT_ONCE};
use token_core::spi::{HOUSEKEEPING_LAG, TokenStore};
use token_core::{Revocation, RevokeOutcome, StoreErrorKind, TokenStatus, Tombstone};

/// Copies one token's row under other ids.
fn multiply(place: &Place, table: &str, columns: &str, copies: u32) {
    let sql = format!(
        "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {copies})
         INSERT INTO {table} SELECT CAST(x'0000' || randomblob(16) AS BLOB), {columns} FROM n, {table}"
    );
    place.raw().execute_batch(&sql).unwrap();
}

#[tokio::test]
async fn an_expired_row_is_invisible_and_a_revocation_removes_it() {
    let place = Place::new();
    let tokens = place.open();
    let issued = issue(&tokens, hard()).await;
    place.clock.advance(10 * MINUTE);
    assert!(!is_active(&tokens, &issued).await);
    assert_eq!(tokens.store().show(issued.grant.id).await.unwrap(), TokenStatus::Unknown);
    assert!(tokens.store().list(&admin()).await.unwrap().is_empty());
    assert_eq!(place.count("tokens"), 1);
    let revocation = Revocation::default();
    assert_eq!(
        tokens.store().revoke(issued.grant.id, &revocation).await.unwrap().outcome,
        RevokeOutcome::Unknown
    );
    assert!(tokens.store().revoke_subject(&admin(), &revocation).await.unwrap().outcome.is_empty());
    assert_eq!((place.count("tokens"), place.count("tombstones")), (0, 0));
}

#[tokio::test]
async fn an_id_is_taken_until_its_token_or_its_tombstone_leaves() {
    let place = Place::new();
    let tokens = place.open();
    let (id, request) =
        (issue(&tokens, hard()).await.grant.id, IssueRequest::new(admin(), Access::Full, hard()));
    let conflict = |result: Result<_, token_core::StoreError>| {
        assert_eq!(result.unwrap_err().kind(), StoreErrorKind::Conflict);
    };
    conflict(tokens.store().issue(id, &request).await);
    place.clock.advance(10 * MINUTE);
    let _ = tokens.store().issue(id, &request).await.unwrap();
    let _ = tokens.store().revoke(id, &Revocation::default()).await.unwrap();
    conflict(tokens.store().issue(id, &request).await);
    place.clock.advance(Tombstone::RETENTION.as_duration());
    let _ = tokens.store().issue(id, &request).await.unwrap();
}

#[tokio::test]
async fn an_issue_clears_a_bounded_number_of_expired_rows_away() {
    let place = Place::new();
    let tokens = place.open();
    issue(&tokens, hard()).await;
    multiply(&place, "tokens", "subject, record, expires_at", 99);
    place.clock.advance(10 * MINUTE + HOUSEKEEPING_LAG);
    issue(&tokens, hard()).await;
    assert_eq!(place.count("tokens"), 100 - u64::from(CLEARED_AT_ISSUE) + 1);
    issue(&tokens, hard()).await;
    assert_eq!(place.count("tokens"), 2, "only the live ones are left");
}

#[tokio::test]
async fn an_issue_clears_tombstones_away_after_their_retention() {
    let place = Place::new();
    let tokens = place.open();
    let issued = issue(&tokens, hard()).await;
    let _ = tokens.store().revoke(issued.grant.id, &Revocation::default()).await.unwrap();
    place.clock.advance(Tombstone::RETENTION.as_duration() + HOUSEKEEPING_LAG - Duration::from_millis(1));
    issue(&tokens, hard()).await;
    assert_eq!(place.count("tombstones"), 1);
    place.clock.advance(Duration::from_millis(1));
    issue(&tokens, hard()).await;
    assert_eq!(place.count("tombstones"), 0);
}

#[tokio::test]
async fn a_prune_removes_every_expired_row_and_returns_their_number() {
    let place = Place::new();
    let tokens = place.open();
    let buried = issue(&tokens, hard()).await;
    let _ = tokens.store().revoke(buried.grant.id, &Revocation::default()).await.unwrap();
    multiply(&place, "tombstones", "bytes, keep_until", 9);
    place.clock.advance(Tombstone::RETENTION.as_duration());
    issue(&tokens, hard()).await;
    assert_eq!(tokens.store().prune().await.unwrap(), 0, "rows that have just expired stay for a while");
    multiply(&place, "tokens", "subject, record, expires_at", 2 * CLEARED_AT_ONCE);
    place.clock.advance(10 * MINUTE + HOUSEKEEPING_LAG);
    let live = issue(&tokens, hard()).await;

    let left = place.count("tokens") + place.count("tombstones");
    assert_eq!(tokens.store().prune().await.unwrap(), left - 1);
    assert_eq!((place.count("tokens"), place.count("tombstones")), (1, 0));
    assert!(is_active(&tokens, &live).await);
    assert_eq!(tokens.store().prune().await.unwrap(), 0);
}

#[tokio::test]
async fn only_a_use_that_moves_the_deadline_writes() {
    let place = Place::new();
    let tokens = place.open();
    let (still, slides) = (issue(&tokens, hard()).await, issue(&tokens, sliding()).await);
    let raw = place.raw();
    let version = || raw.pragma_query_value(None, "data_version", |row| row.get::<_, i64>(0)).unwrap();
    let before = version();
    place.clock.advance(MINUTE);
    assert!(is_active(&tokens, &still).await);
    tokens.peek(slides.token.expose_secret(), &Requirement::any()).await.unwrap();
    assert_eq!(version(), before);
    assert!(is_active(&tokens, &slides).await);
    assert_ne!(version(), before);
}
