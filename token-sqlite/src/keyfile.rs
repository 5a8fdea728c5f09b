//! The key file of the embedded default: created on first use, and never again.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use token_core::{KeyRing, StoreError, StoreErrorKind, new_key_file, os_rng};

use crate::error::Failure;
use crate::store::SqliteStore;
use crate::{fresh, open};

/// Loads the keys for the database at `database` from `key_file`.
///
/// If neither file exists, it first creates a key file with one new key, and the folders above it; on Unix the file has mode
/// 0600 and each new folder 0700. Of several concurrent processes, one creates the file and all load it.
///
/// If there is no database yet, the process keeps a shared lock on the key file to its end, so that no other process takes
/// it back: see [`open_with_keys`], which keeps it no longer than needed.
///
/// It blocks, for a few milliseconds at most.
///
/// # Errors
/// [`Misconfigured`](StoreErrorKind::Misconfigured) for a database whose key file is missing (a new key would recognise no
/// token in it) and for a text that is not a key file; [`Denied`](StoreErrorKind::Denied) without the right to read or
/// create it; [`Full`](StoreErrorKind::Full) and [`Unavailable`](StoreErrorKind::Unavailable) for failures of the file
/// system. No error contains a part of the file.
pub fn open_keys(database: &Path, key_file: &Path) -> Result<Arc<KeyRing>, StoreError> {
    load_or_make(database, key_file)
        .map(|Loaded { keys, locked, .. }| {
            HELD.lock().unwrap_or_else(PoisonError::into_inner).extend(locked);
            Arc::new(keys)
        })
        .map_err(|failure| failure.explain("open", "key file", key_file))
}

/// The key files of databases that this process may still make.
static HELD: Mutex<Vec<File>> = Mutex::new(Vec::new());

/// Opens the database at `database` with the keys in `key_file`, as [`open_keys`] loads or makes them. `open` is
/// [`SqliteStore::open`] or another function that opens the database with these keys.
///
/// A key file that this call made is removed again if `open` fails and leaves no database, unless another process uses
/// the file: each one holds a shared lock on it from its loading until the database exists.
///
/// It blocks as both do.
///
/// # Errors
/// Those of [`open_keys`] and of `open`.
pub fn open_with_keys(
    database: &Path,
    key_file: &Path,
    open: impl FnOnce(&Path, Arc<KeyRing>) -> Result<SqliteStore, StoreError>,
) -> Result<SqliteStore, StoreError> {
    let loaded =
        load_or_make(database, key_file).map_err(|failure| failure.explain("open", "key file", key_file))?;
    let opened = open(database, Arc::new(loaded.keys));
    if let (Err(_), true, Some(file)) = (&opened, loaded.is_new, &loaded.locked) {
        take_back(database, key_file, file);
    }
    opened
}

/// Removes the new key file, if there is no database and nobody else holds its lock. While this process has it alone,
/// others wait to load it, and then find that it is gone.
fn take_back(database: &Path, key_file: &Path, file: &File) {
    let is_alone = file.unlock().is_ok() && file.try_lock().is_ok();
    if is_alone && database.try_exists().is_ok_and(|exists| !exists) && is_at(file, key_file) {
        match std::fs::remove_file(key_file) {
            Ok(()) => tracing::info!(path = %key_file.display(), "removed the new key file again"),
            Err(error) => {
                tracing::warn!(%error, path = %key_file.display(), "cannot remove the new key file")
            }
        }
    }
}

/// Keys, and how they came to be there.
struct Loaded {
    keys: KeyRing,
    /// This process made the file.
    is_new: bool,
    /// The file with a shared lock, if there was no database yet.
    locked: Option<File>,
}

fn load_or_make(database: &Path, key_file: &Path) -> Result<Loaded, Failure> {
    let mut is_new = false;
    // Another process may take back what it made just before it is loaded here.
    for _ in 0..TRIES {
        // A database stays, and with it the key file.
        if database.try_exists()? {
            break;
        }
        if let Some((keys, locked)) = load_locked(key_file)? {
            return Ok(Loaded { keys, is_new, locked });
        }
        // Otherwise a key file without a database would remain.
        open::refuse_unmakable(&std::path::absolute(database)?)?;
        if fresh::make_whole(key_file, fill)? {
            is_new = true;
            tracing::info!(path = %key_file.display(), "made a new key file");
        }
    }
    // Also if the database exists: another process may have created both since the check, the key file first.
    if let Some(keys) = load(key_file)? {
        return Ok(Loaded { keys, is_new: false, locked: None });
    }
    // A file that is no database has no key file.
    open::identify(database)?;
    Err(missing(database, key_file).into())
}

/// How often a new key file is made, and a lock is asked for, until it is given up.
const TRIES: u32 = 100;
/// Between two tries to lock the file. It is held alone for the time of removing it.
const PAUSE: Duration = Duration::from_millis(5);

/// The keys in the file and the file with a shared lock; `None` if there is no file. On a file system without locks there
/// is none, and then nobody can remove the file either.
fn load_locked(path: &Path) -> Result<Option<(KeyRing, Option<File>)>, Failure> {
    for _ in 0..TRIES {
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        match file.try_lock_shared() {
            Ok(()) if is_at(&file, path) => return Ok(Some((read(path, &file)?, Some(file)))),
            // It was removed, or is being removed.
            Ok(()) | Err(TryLockError::WouldBlock) => std::thread::park_timeout(PAUSE),
            Err(TryLockError::Error(_)) => return Ok(Some((read(path, &file)?, None))),
        }
    }
    let message = format!(
        "cannot open: another process keeps the key file {} locked; try again, and look for a process that holds it open",
        path.display()
    );
    Err(StoreError::new(StoreErrorKind::Unavailable, message).into())
}

/// Whether the open file still has this path.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let (open, there) = (file.metadata(), std::fs::metadata(path));
    matches!((open, there), (Ok(open), Ok(there)) if (open.dev(), open.ino()) == (there.dev(), there.ino()))
}

/// An open file cannot be removed there.
#[cfg(not(unix))]
fn is_at(_: &File, path: &Path) -> bool {
    path.exists()
}

fn missing(database: &Path, key_file: &Path) -> StoreError {
    let message = format!(
        "cannot open: the key file {} is missing, and without it no token in the database {} can be recognised; \
         restore it, or move the database away to start again",
        key_file.display(),
        database.display()
    );
    StoreError::new(StoreErrorKind::Misconfigured, message)
}

fn fill(path: &Path) -> Result<(), Failure> {
    let mut rng = os_rng().map_err(|error| {
        StoreError::new(StoreErrorKind::Unavailable, "cannot make a store key; try again").caused_by(error)
    })?;
    let text = new_key_file(&mut rng);
    OpenOptions::new().write(true).open(path)?.write_all(text.as_bytes())?;
    Ok(())
}

/// The keys in the file; `None` if there is no file.
fn load(path: &Path) -> Result<Option<KeyRing>, Failure> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    read(path, &file).map(Some)
}

fn read(path: &Path, file: &File) -> Result<KeyRing, Failure> {
    warn_if_open_to_others(path, file)?;
    Ok(KeyRing::read_from(file)?.map_err(|error| {
        let message =
            format!("cannot open: the key file {} is not usable; correct or restore it", path.display());
        StoreError::new(StoreErrorKind::Misconfigured, message).caused_by(error)
    })?)
}

#[cfg(unix)]
fn warn_if_open_to_others(path: &Path, file: &File) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let mode = file.metadata()?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        let (path, mode) = (path.display(), format!("{mode:03o}"));
        tracing::warn!(%path, mode, "other users may reach the key file; chmod 600 it");
    }
    Ok(())
}

#[cfg(not(unix))]
fn warn_if_open_to_others(_: &Path, _: &File) -> std::io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::error::Error;
    use std::fs;

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
        let format =
            |ring: &Arc<KeyRing>| token_core::spi::TokenFormat::new(Default::default(), ring.clone());
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
}
