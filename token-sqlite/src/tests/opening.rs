//! Tests of creating the file, and refusing others.

use super::*;
use std::fs;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use token_core::{StoreError, StoreErrorKind};

fn open(path: &Path) -> Result<SqliteStore, StoreError> {
    SqliteStore::open(path, Arc::new(KeyRing::public()))
}

fn refusal(path: &Path) -> (StoreErrorKind, String) {
    let error = open(path).unwrap_err();
    let message = error.to_string();
    assert!(message.starts_with(&format!("cannot open: the database {} ", path.display())), "{message}");
    assert!(message.contains("; ") && !message.ends_with('.'), "{message}");
    (error.kind(), message)
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[cfg(unix)]
#[tokio::test]
async fn a_new_database_its_log_and_folders_are_for_the_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let folder = tempfile::tempdir().unwrap();
    let new = folder.path().join("some/where");
    let tokens = TokenService::new(open(&new.join("t.db")).unwrap(), Prefix::default());
    issue(&tokens, hard()).await;
    assert_eq!(names(&new), ["t.db", "t.db-shm", "t.db-wal"]);
    for name in names(&new) {
        assert_eq!(mode(&new.join(&name)), 0o600, "{name}");
    }
    assert_eq!((mode(&new), mode(&folder.path().join("some"))), (0o700, 0o700));
}

#[tokio::test]
async fn tokens_are_still_there_when_the_file_is_opened_again() {
    let place = Place::new();
    let tokens = place.open();
    let issued = issue(&tokens, hard()).await;
    drop(tokens);
    assert_eq!(names(place.folder.path()), ["t.db"], "closing leaves only the database");
    assert!(is_active(&place.open(), &issued).await);
}

#[test]
fn an_acknowledged_change_is_on_the_disk() {
    let place = Place::new();
    let tokens = place.open();
    let writer = tokens.store().inner.database.writer.lock().unwrap();
    let pragma = |name| writer.disk.pragma_query_value(None, name, |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(pragma("synchronous"), 2, "FULL");
    assert_eq!(pragma("busy_timeout"), 5_000);
}

#[test]
fn a_path_with_a_slash_at_its_end_makes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new/");
    let (kind, message) = refusal(&path);
    assert_eq!(kind, StoreErrorKind::Misconfigured);
    assert!(message.contains("ends with a slash"), "{message}");
    let error = crate::keyfile::open_keys(&path, &path.join(".key")).unwrap_err();
    assert!(error.to_string().contains("ends with a slash"), "{error}");
    assert!(names(folder.path()).is_empty(), "{:?}", names(folder.path()));
}

#[test]
fn no_file_name_is_special() {
    let folder = tempfile::tempdir().unwrap();
    for name in [":memory:", "file:t.db?mode=memory", "a b%20c'\"?#.db", "tökens"] {
        drop(open(&folder.path().join(name)).unwrap());
        assert!(folder.path().join(name).is_file(), "{name}");
    }
}

#[test]
fn the_database_of_another_program_is_refused_and_unchanged() {
    let place = Place::new();
    for setting in ["", "PRAGMA application_id = 7", "PRAGMA user_version = 1"] {
        place.raw().execute_batch(&format!("CREATE TABLE IF NOT EXISTS theirs (x); {setting}")).unwrap();
        let before = fs::read(place.path()).unwrap();
        let (kind, message) = refusal(&place.path());
        assert_eq!(kind, StoreErrorKind::Misconfigured);
        assert!(message.contains("belongs to another program"), "{message}");
        assert_eq!(fs::read(place.path()).unwrap(), before);
    }
}

#[test]
fn a_newer_schema_version_is_refused_with_both_numbers() {
    let place = Place::new();
    drop(place.open());
    place.raw().execute_batch("PRAGMA user_version = 4").unwrap();
    let (kind, message) = refusal(&place.path());
    assert_eq!(kind, StoreErrorKind::Misconfigured);
    assert!(message.contains("has schema version 4, and this program knows none beyond 3"), "{message}");
}

#[tokio::test]
async fn a_database_of_the_first_version_is_migrated() {
    let place = Place::new();
    let issued = issue(&place.open(), hard()).await;
    place
        .raw()
        .execute_batch("DROP TABLE issued_once; DROP TABLE key_checks; PRAGMA user_version = 1")
        .unwrap();
    for _ in 0..2 {
        let tokens = place.open();
        assert!(is_active(&tokens, &issued).await);
        let request = IssueRequest::new(admin(), Access::Full, hard());
        tokens.issue_once(&request, &"key".parse().unwrap()).await.unwrap();
    }
    assert_eq!((place.count("tokens"), place.count("issued_once")), (2, 1));
}

#[tokio::test]
async fn a_copy_of_the_database_is_kept_before_it_is_migrated() {
    let place = Place::new();
    let issued = issue(&place.open(), hard()).await;
    let first = "DROP TABLE issued_once; DROP TABLE key_checks; PRAGMA user_version = 1";
    place.raw().execute_batch(first).unwrap();
    drop(place.open());

    let copy = place.path().with_extension("db.version-1");
    let kept = rusqlite::Connection::open(&copy).unwrap();
    let version: i32 = kept.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
    let tokens: u32 = kept.query_row("SELECT count(*) FROM tokens", [], |row| row.get(0)).unwrap();
    assert_eq!((version, tokens), (1, 1));
    #[cfg(unix)]
    assert_eq!(std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(&copy).unwrap()) & 0o777, 0o600);
    assert!(is_active(&place.open(), &issued).await);
}

#[test]
fn a_file_that_is_no_database_is_refused_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("t.db");
    assert_eq!(refusal(folder.path()).0, StoreErrorKind::Misconfigured, "a folder");

    fs::write(&file, "").unwrap();
    let (kind, message) = refusal(&file);
    assert_eq!(kind, StoreErrorKind::Misconfigured);
    assert!(message.contains("is an empty file"), "{message}");

    fs::write(&file, "Dear diary, ".repeat(100)).unwrap();
    let (kind, message) = refusal(&file);
    assert_eq!(kind, StoreErrorKind::Misconfigured);
    assert!(message.contains("is not a SQLite file"), "{message}");
    assert_eq!(refusal(&file.join("t.db")).0, StoreErrorKind::Misconfigured, "below a file");
    assert_eq!(open(Path::new("")).unwrap_err().kind(), StoreErrorKind::Misconfigured, "no path");
}

#[test]
fn no_database_is_made_beside_the_log_of_one_that_is_gone() {
    let place = Place::new();
    let log = place.folder.path().join("t.db-wal");
    fs::write(&log, "frames").unwrap();
    let (kind, message) = refusal(&place.path());
    assert_eq!(kind, StoreErrorKind::Misconfigured);
    assert!(message.contains("is missing, but"), "{message}");
    assert_eq!(fs::read(log).unwrap(), b"frames");
}

#[test]
fn an_existing_database_is_opened_and_a_missing_one_is_not_made() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("deep/t.db");
    let existing = |path: &Path| SqliteStore::open_existing(path, Arc::new(KeyRing::public()));
    assert_eq!(existing(&path).unwrap_err().kind(), StoreErrorKind::Misconfigured);
    assert!(names(folder.path()).is_empty());
    assert!(!crate::is_store(&path));
    drop(open(&path).unwrap());
    assert!(crate::is_store(&path));
    existing(&path).unwrap();
}

#[test]
fn threads_that_make_one_file_at_once_all_succeed() {
    const THREADS: usize = 8;
    for _ in 0..10 {
        let place = Place::new();
        let start = std::sync::Barrier::new(THREADS);
        std::thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| {
                    start.wait();
                    issue_one(&place.path());
                });
            }
        });
        assert_eq!(place.count("tokens"), THREADS as u64);
        assert_eq!(names(place.folder.path()), ["t.db"]);
    }
}

/// The test runs itself as several processes, which wait until their standard input ends.
#[test]
fn processes_that_make_one_file_at_once_all_succeed() {
    const DATABASE: &str = "TOKEN_SQLITE_TEST_DATABASE";
    const PROCESSES: usize = 6;
    if let Some(path) = std::env::var_os(DATABASE) {
        std::io::stdout().write_all(b"ready\n").unwrap();
        std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
        (0..20).for_each(|_| issue_one(Path::new(&path)));
        return;
    }
    let place = Place::new();
    let this_test = "tests::opening::processes_that_make_one_file_at_once_all_succeed";
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", this_test, "--nocapture"]).env(DATABASE, place.path());
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut children: Vec<_> = (0..PROCESSES).map(|_| command.spawn().unwrap()).collect();
    for child in &mut children {
        let (mut said, stdout) = (Vec::new(), child.stdout.as_mut().unwrap());
        while !said.ends_with(b"ready\n") {
            let mut byte = [0];
            stdout.read_exact(&mut byte).unwrap();
            said.extend(byte);
        }
    }
    for child in &mut children {
        drop(child.stdin.take());
    }
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }
    assert_eq!(place.count("tokens"), 20 * PROCESSES as u64);
}

fn issue_one(path: &Path) {
    let tokens = TokenService::new(open(path).unwrap(), Prefix::default());
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let issued = issue(&tokens, hard()).await;
        assert!(is_active(&tokens, &issued).await);
    });
}
