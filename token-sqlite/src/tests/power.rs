//! Tests of the file after a process was killed, or the power failed, at any moment.

use super::wal::{beside, commits, moved, salts};
use super::*;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};

use token_core::spi::TokenStore;
use token_core::{Revocation, RevokeOutcome, TokenId, TokenStatus};

/// How many tokens there are in a round, of which at most half are revoked.
const TOKENS: usize = 40;

/// So small that the log restarts many times in a round.
const PAGES_IN_THE_LOG: i64 = 40;

/// Copies of the files with the log truncated at this position, as they may be on a disk after a power failure.
fn left(database: &[u8], log: &[u8]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.db");
    fs::write(&path, database).unwrap();
    fs::write(beside(&path), log).unwrap();
    folder
}

/// Asserts that the store opens, is sound, and refuses all of these tokens.
async fn assert_refuses(folder: &Path, revoked: &[TokenId], when: &str) {
    let store = SqliteStore::open(&folder.join("t.db"), Arc::new(KeyRing::public())).unwrap();
    let raw = Connection::open(folder.join("t.db")).unwrap();
    let found: String = raw.query_row("PRAGMA integrity_check", (), |row| row.get(0)).unwrap();
    assert_eq!(found, "ok", "{when}");
    for &id in revoked {
        let seen = store.show(id).await.unwrap();
        assert!(matches!(seen, TokenStatus::Revoked(_)), "{when}: {id} is {}", seen.code());
    }
}

fn let_the_log_begin_often(store: &SqliteStore) {
    let writer = store.inner.database.writer.lock().unwrap();
    for connection in [Some(&writer.disk), writer.seen.as_ref()].into_iter().flatten() {
        connection.pragma_update(None, "wal_autocheckpoint", PAGES_IN_THE_LOG).unwrap();
    }
}

/// Uses tokens one after the other, as fast as possible, until the end of the test.
async fn use_all(tokens: Arc<TokenService<SqliteStore>>, issued: Arc<Vec<Issued>>, over: Arc<AtomicBool>) {
    for issued in issued.iter().cycle() {
        if over.load(Ordering::Relaxed) {
            break;
        }
        is_active(&tokens, issued).await;
        tokio::task::yield_now().await;
    }
}

/// The log is truncated at the end of each transaction since the last revocation, and in the middle of the next one.
#[tokio::test(flavor = "multi_thread")]
async fn the_loss_of_power_undoes_no_acknowledged_revocation() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.db");
    let store = SqliteStore::open(&path, Arc::new(KeyRing::public())).unwrap();
    let tokens = Arc::new(TokenService::new(store.clone(), Prefix::default()));
    let mut issued = Vec::new();
    for _ in 0..TOKENS {
        issued.push(issue(&tokens, sliding()).await);
    }
    let (issued, over) = (Arc::new(issued), Arc::new(AtomicBool::new(false)));
    is_active(&tokens, &issued[0]).await;
    let_the_log_begin_often(&store);
    let users: Vec<_> = (0..4)
        .map(|_| tokio::spawn(use_all(Arc::clone(&tokens), Arc::clone(&issued), Arc::clone(&over))))
        .collect();

    let (mut revoked, mut last, mut begun, mut lossy) = (Vec::new(), (Vec::new(), 0), 0, 0);
    for issued in &issued[..TOKENS / 2] {
        let id = issued.grant.id;
        let outcome = store.revoke(id, &Revocation::default()).await.unwrap().outcome;
        assert_eq!(outcome, RevokeOutcome::Revoked);
        let (database, log, shared) = {
            // Nothing is written meanwhile, so that all copies are of the same moment.
            let _writer = store.inner.database.writer.lock().unwrap();
            let read = |path: &Path| fs::read(path).unwrap();
            (read(&path), read(&beside(&path)), read(&path.with_extension("db-shm")))
        };
        let same_log = salts(&log) == last.0;
        begun += usize::from(!same_log);
        let synced = if same_log { last.1 } else { 0 }.max(moved(&log, &shared));
        // All copies contain the changes acknowledged before this revocation, and the last copy also contains this revocation.
        for &cut in commits(&log).iter().filter(|&&cut| cut >= synced) {
            for torn in [0, 1_000] {
                let end = (cut + torn).min(log.len());
                lossy += usize::from(end < log.len());
                assert_refuses(left(&database, &log[..end]).path(), &revoked, "cut").await;
            }
        }
        revoked.push(id);
        let whole = commits(&log).last().copied().unwrap_or_default();
        assert_refuses(left(&database, &log[..whole]).path(), &revoked, "whole").await;
        last = (salts(&log).to_vec(), whole);
    }
    over.store(true, Ordering::Relaxed);
    for user in users {
        user.await.unwrap();
    }
    assert!(begun > 1, "the log never restarted");
    assert!(lossy > TOKENS / 2, "only {lossy} cuts removed a change");
}

/// The test runs itself as a process that revokes under load, until it is killed.
#[test]
fn a_process_that_is_killed_undoes_no_acknowledged_revocation() {
    const DATABASE: &str = "TOKEN_SQLITE_TEST_KILLED";
    if let Some(path) = std::env::var_os(DATABASE) {
        return revoke_under_load(Path::new(&path));
    }
    for acknowledged in [1, 4, 9, 15] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.db");
        let this_test = "tests::power::a_process_that_is_killed_undoes_no_acknowledged_revocation";
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", this_test, "--nocapture"]).env(DATABASE, &path);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let ids = lines.filter_map(|line| line.unwrap().strip_prefix("revoked ")?.parse().ok());
        let mut revoked: Vec<TokenId> = Vec::new();
        let mut ids = ids.inspect(|&id| revoked.push(id));
        assert_eq!(ids.by_ref().take(acknowledged).count(), acknowledged, "it ended by itself");
        child.kill().unwrap();
        child.wait().unwrap();
        // The revocations that it acknowledged until then.
        ids.for_each(drop);

        let (database, log) = (fs::read(&path).unwrap(), fs::read(beside(&path)).unwrap());
        let whole = commits(&log).last().copied().unwrap_or_default();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        for log in [&log[..], &log[..whole]] {
            // Without the shared memory, which a power failure loses.
            runtime.block_on(assert_refuses(left(&database, log).path(), &revoked, "killed"));
        }
    }
}

fn revoke_under_load(path: &Path) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    runtime.block_on(async {
        let store = SqliteStore::open(path, Arc::new(KeyRing::public())).unwrap();
        let tokens = Arc::new(TokenService::new(store.clone(), Prefix::default()));
        let mut issued = Vec::new();
        for _ in 0..TOKENS {
            issued.push(issue(&tokens, sliding()).await);
        }
        is_active(&tokens, &issued[0]).await;
        let_the_log_begin_often(&store);
        let (issued, over) = (Arc::new(issued), Arc::new(AtomicBool::new(false)));
        let users: Vec<_> = (0..4)
            .map(|_| tokio::spawn(use_all(Arc::clone(&tokens), Arc::clone(&issued), Arc::clone(&over))))
            .collect();
        for issued in &issued[..TOKENS / 2] {
            let _ = store.revoke(issued.grant.id, &Revocation::default()).await.unwrap();
            writeln!(std::io::stdout(), "revoked {}", issued.grant.id).unwrap();
        }
        // Until it is killed, or its parent process has ended.
        let _ = std::io::stdin().read(&mut [0]);
        over.store(true, Ordering::Relaxed);
        for user in users {
            user.await.unwrap();
        }
    });
}
