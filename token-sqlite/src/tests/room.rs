//! Tests of a store that cannot write: it reports that, and answers calls that need no write.

use super::*;
use std::fs;
use std::process::Command;

use token_core::StoreErrorKind;
use token_core::spi::TokenStore;

/// The file size limit of the process, in blocks of 512 bytes: a few dozen pages of the log.
const ROOM: &str = "400";

/// The test runs itself as a process that may not write large files, which has the same effect as a full disk.
#[test]
fn a_store_without_room_is_not_ready_and_validates() {
    const LIMITED: &str = "TOKEN_SQLITE_TEST_LIMITED";
    if std::env::var_os(LIMITED).is_some() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        return runtime.block_on(is_not_ready_and_validates());
    }
    let this_test = "tests::room::a_store_without_room_is_not_ready_and_validates";
    // Without the trap, the system kills the process instead of refusing the write.
    let limited = format!("trap '' XFSZ; ulimit -f {ROOM}; exec \"$@\"");
    let mut command = Command::new("sh");
    command.args(["-c", &limited, "sh"]).arg(std::env::current_exe().unwrap());
    let ran = command.args(["--exact", this_test]).env(LIMITED, "1").output().unwrap();
    let said = String::from_utf8_lossy(&ran.stdout);
    assert!(ran.status.success() && said.contains("1 passed"), "{said}");
}

async fn is_not_ready_and_validates() {
    let place = Place::new();
    let tokens = place.open();
    let store = tokens.store();
    let (still, slides) = (issue(&tokens, hard()).await, issue(&tokens, sliding()).await);
    store.keeps_changes().await.unwrap();
    place.clock.advance(MINUTE);
    let mut checks = 0;
    let refused = loop {
        issue_until_there_is_no_room(&tokens).await;
        assert!(!store.inner.database.has_written_lately(), "the next readiness check writes");
        // A page may fit where a token does not.
        match store.keeps_changes().await {
            Ok(()) => checks += 1,
            Err(error) => break error,
        }
        assert!(checks < 20, "each check takes a page");
    };
    assert_eq!(refused.kind(), StoreErrorKind::Full, "{refused}");
    assert!(is_active(&tokens, &still).await, "that needs no write");
    let renewed = tokens.validate(slides.token.expose_secret(), &Requirement::any()).await;
    assert_eq!(renewed.unwrap_err().kind(), StoreErrorKind::Full, "its renewal is a write");
}

async fn issue_until_there_is_no_room(tokens: &TokenService<SqliteStore>) {
    let request = IssueRequest::new(admin(), Access::Full, hard());
    for _ in 0..10_000 {
        if let Err(error) = tokens.issue(&request).await {
            return assert_eq!(error.code(), StoreErrorKind::Full.code(), "{error}");
        }
    }
    panic!("there is room for any number of tokens");
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
    assert_eq!(revoked.unwrap_err().kind(), StoreErrorKind::Misconfigured, "no change is acknowledged");

    fs::copy(place.folder.path().join("away.db"), place.path()).unwrap();
    let error = tokens.store().keeps_changes().await.unwrap_err();
    assert!(error.to_string().contains("is not the file any more that was opened"), "{error}");
}
