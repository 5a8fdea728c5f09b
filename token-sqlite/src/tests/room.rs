//! A store that cannot keep a change says so, and answers what needs none.

use super::*;
use std::fs;

use token_core::{StoreErrorKind, TokenStore};

#[tokio::test]
async fn a_store_without_room_is_not_ready_and_still_validates() {
    let place = Place::new();
    let tokens = place.open();
    let store = tokens.store();
    let (still, slides) = (issue(&tokens, hard()).await, issue(&tokens, sliding()).await);
    store.keeps_changes().await.unwrap();
    place.clock.advance(MINUTE);
    {
        let writer = store.inner.database.writer.lock().unwrap();
        let pages: i64 = writer.disk.pragma_query_value(None, "page_count", |row| row.get(0)).unwrap();
        writer.disk.pragma_update(None, "max_page_count", pages).unwrap();
    }
    let mut failed = None;
    for _ in 0..10_000 {
        if let Err(error) =
            tokens.issue(&IssueRequest::new(admin(), Access::Full, hard()), &mut os_rng().unwrap()).await
        {
            failed = Some(error.kind());
            break;
        }
    }
    assert_eq!(failed, Some(StoreErrorKind::Full));
    assert!(!store.inner.database.has_written_lately(), "the next readiness check writes");
    assert!(is_active(&tokens, &still).await && is_active(&tokens, &slides).await);
}

#[tokio::test]
async fn a_database_that_was_deleted_is_not_answered_from() {
    let place = Place::new();
    let tokens = place.open();
    let issued = issue(&tokens, sliding()).await;
    tokens.store().keeps_changes().await.unwrap();
    fs::rename(place.path(), place.folder.path().join("away.db")).unwrap();
    let error = tokens.store().keeps_changes().await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Misconfigured);
    assert!(error.to_string().contains("was deleted or moved while it was open"), "{error}");
    let revoked = tokens.store().revoke(issued.grant.id, &token_core::Revocation::default()).await;
    assert_eq!(revoked.unwrap_err().kind(), StoreErrorKind::Misconfigured, "nothing is acknowledged");

    fs::copy(place.folder.path().join("away.db"), place.path()).unwrap();
    let error = tokens.store().keeps_changes().await.unwrap_err();
    assert!(error.to_string().contains("is not the file any more that was opened"), "{error}");
}
