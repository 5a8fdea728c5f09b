use std::error::Error;
use std::fs;

use token_core::os_rng;

use super::*;

const HEX: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

#[test]
fn a_new_key_file_is_made_once_and_loaded_from_then_on() {
    let folder = tempfile::tempdir().unwrap();
    let (database, key_file) = (folder.path().join("t.db"), folder.path().join("deep/er/t.key"));
    let made = open_keys(&database, &key_file).unwrap();
    assert_eq!(made.issuing_version().to_string(), "1");
    let text = fs::read(&key_file).unwrap();
    open_keys(&database, &key_file).unwrap();
    assert_eq!(fs::read(&key_file).unwrap(), text, "not made a second time");
    assert_eq!(fs::read_dir(key_file.parent().unwrap()).unwrap().count(), 1, "no other file is left");
}

#[cfg(unix)]
#[test]
fn no_key_file_is_made_if_no_database_can_be_made() {
    let folder = tempfile::tempdir().unwrap();
    let (link, key_file) = (folder.path().join("t.db"), folder.path().join("t.key"));
    std::os::unix::fs::symlink(folder.path().join("none"), &link).unwrap();
    let error = open_keys(&link, &key_file).unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Misconfigured);
    assert!(error.to_string().contains("is a link to a file that does not exist"), "{error}");
    assert!(!key_file.exists());

    let log = folder.path().join("other.db-wal");
    fs::write(&log, "").unwrap();
    open_keys(&folder.path().join("other.db"), &key_file).unwrap_err();
    assert!(!key_file.exists());
}

fn fails(_: &Path, _: Arc<KeyRing>) -> Result<SqliteStore, StoreError> {
    Err(StoreError::new(StoreErrorKind::Full, "no room"))
}

#[test]
fn a_failed_opening_leaves_no_new_key_file() {
    let folder = tempfile::tempdir().unwrap();
    let (database, key_file) = (folder.path().join("t.db"), folder.path().join("t.key"));
    open_with_keys(&database, &key_file, fails).unwrap_err();
    assert!(!key_file.exists());
    open_with_keys(&database, &key_file, SqliteStore::open).unwrap();
    open_with_keys(&database, &key_file, fails).unwrap_err();
    assert!(key_file.exists(), "there is a database");
}

#[test]
fn a_failed_opening_leaves_the_key_file_of_others() {
    let folder = tempfile::tempdir().unwrap();
    let (database, key_file) = (folder.path().join("t.db"), folder.path().join("t.key"));
    fs::write(&key_file, format!("7 {HEX}\n")).unwrap();
    open_with_keys(&database, &key_file, fails).unwrap_err();
    assert!(key_file.exists(), "it was there before");

    fs::remove_file(&key_file).unwrap();
    let fails_beside_another = |_: &Path, _: Arc<KeyRing>| {
        let other = open_with_keys(&database, &key_file, |database, keys| {
            // The other one has loaded the keys and makes its database later.
            assert!(key_file.exists());
            SqliteStore::open(database, keys)
        });
        other.unwrap();
        fs::remove_file(&database).unwrap();
        let used = File::open(&key_file).unwrap();
        used.lock_shared().unwrap();
        std::mem::forget(used);
        fails(&database, Arc::new(KeyRing::public()))
    };
    open_with_keys(&database, &key_file, fails_beside_another).unwrap_err();
    assert!(key_file.exists(), "another process uses it");
}

#[test]
fn keys_of_a_database_are_never_taken_back() {
    let folder = tempfile::tempdir().unwrap();
    let (database, key_file) = (folder.path().join("t.db"), folder.path().join("t.key"));
    let made = std::sync::atomic::AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for number in 0..8 {
            let (database, key_file, made) = (&database, &key_file, &made);
            scope.spawn(move || {
                for round in 0..20 {
                    let works = number == 0 && round == 19;
                    let opened = match works {
                        true => open_with_keys(database, key_file, SqliteStore::open),
                        false => open_with_keys(database, key_file, fails),
                    };
                    made.fetch_add(opened.is_ok().into(), std::sync::atomic::Ordering::Relaxed);
                }
            });
        }
    });
    assert_eq!(made.into_inner(), 1);
    assert!(database.exists() && key_file.exists());
}

#[cfg(unix)]
#[test]
fn a_new_key_file_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let key_file = folder.path().join("new/t.key");
    open_keys(&folder.path().join("t.db"), &key_file).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&key_file), 0o600);
    assert_eq!(mode(key_file.parent().unwrap()), 0o700);
}

#[test]
fn a_database_that_lost_its_key_file_is_refused_and_gets_no_new() {
    let folder = tempfile::tempdir().unwrap();
    let (database, key_file) = (folder.path().join("t.db"), folder.path().join("t.key"));
    let keys = open_keys(&database, &key_file).unwrap();
    drop(crate::SqliteStore::open(&database, keys).unwrap());
    fs::remove_file(&key_file).unwrap();
    let error = open_keys(&database, &key_file).unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Misconfigured);
    let message = error.to_string();
    assert!(message.contains(&format!("the key file {} is missing", key_file.display())), "{message}");
    assert!(message.contains("no token in the database"), "{message}");
    assert!(!key_file.exists());
}

#[test]
fn an_existing_key_file_is_loaded_with_or_without_a_database() {
    let folder = tempfile::tempdir().unwrap();
    let (database, key_file) = (folder.path().join("t.db"), folder.path().join("t.key"));
    fs::write(&key_file, format!("7 {HEX}\n")).unwrap();
    assert_eq!(open_keys(&database, &key_file).unwrap().issuing_version().to_string(), "7");
    fs::write(&database, "").unwrap();
    assert_eq!(open_keys(&database, &key_file).unwrap().issuing_version().to_string(), "7");
}

#[test]
fn all_who_make_a_key_file_at_once_hold_the_same_key() {
    let folder = tempfile::tempdir().unwrap();
    let (database, key_file) = (folder.path().join("t.db"), folder.path().join("t.key"));
    let start = std::sync::Barrier::new(8);
    let rings: Vec<_> = std::thread::scope(|scope| {
        let makers: Vec<_> = (0..8)
            .map(|_| {
                scope.spawn(|| {
                    start.wait();
                    open_keys(&database, &key_file).unwrap()
                })
            })
            .collect();
        makers.into_iter().map(|maker| maker.join().unwrap()).collect()
    });
    let format = |ring: &Arc<KeyRing>| token_core::spi::TokenFormat::new(Default::default(), ring.clone());
    let token =
        format(&rings[0]).generate(token_core::spi::Partition::new(1).unwrap(), &mut os_rng().unwrap());
    assert!(rings.iter().all(|ring| format(ring).parse(token.expose_secret()).is_ok()));
}

#[test]
fn a_text_that_is_no_key_file_is_refused_without_repeating_it() {
    let folder = tempfile::tempdir().unwrap();
    let key_file = folder.path().join("t.key");
    for (text, cause) in [
        (format!("1 {HEX}f").into_bytes(), "line 1"),
        (b"".to_vec(), "no key"),
        (b"1 \xff".to_vec(), "UTF-8"),
        (vec![b'#'; 100_000], "longer than"),
    ] {
        fs::write(&key_file, &text).unwrap();
        let error = open_keys(&folder.path().join("t.db"), &key_file).unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Misconfigured);
        let source = error.source().unwrap().to_string();
        assert!(source.contains(cause), "{source}");
        assert!(!format!("{error:?} {error} {source}").contains(HEX), "{error:?}");
    }
}

#[test]
fn a_key_file_that_cannot_be_one_is_an_error_with_its_path() {
    let folder = tempfile::tempdir().unwrap();
    let error = open_keys(&folder.path().join("t.db"), folder.path()).unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Misconfigured, "{error}");
    assert!(error.to_string().starts_with("cannot open: the key file /"), "{error}");
}
