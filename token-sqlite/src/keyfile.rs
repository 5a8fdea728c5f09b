//! The key file of the embedded default: created on first use, and never again.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use token_core::{KeyRing, StoreError, StoreErrorKind, new_key_file, os_rng};

use crate::error::Failure;
use crate::{fresh, open};

/// Loads the keys for the database at `database` from `key_file`.
///
/// If neither file exists, it first creates a key file with one new key, and the folders above it; on Unix the file has mode
/// 0600 and each new folder 0700. Of several concurrent processes, one creates the file and all load it.
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
        .map(Arc::new)
        .map_err(|failure| failure.explain("open", "key file", key_file))
}

fn load_or_make(database: &Path, key_file: &Path) -> Result<KeyRing, Failure> {
    if let Some(keys) = load(key_file)? {
        return Ok(keys);
    }
    if !database.try_exists()? {
        // Otherwise a key file without a database would remain.
        open::refuse_unmakable(&std::path::absolute(database)?)?;
        if fresh::make_whole(key_file, fill)? {
            tracing::info!(path = %key_file.display(), "made a new key file");
        }
    }
    // Also if the database exists: another process may have created both since the check, the key file first.
    if let Some(keys) = load(key_file)? {
        return Ok(keys);
    }
    // A file that is no database has no key file.
    open::identify(database)?;
    Err(missing(database, key_file).into())
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
    warn_if_open_to_others(path, &file)?;
    let keys = KeyRing::read_from(file)?.map_err(|error| {
        let message =
            format!("cannot open: the key file {} is not usable; correct or restore it", path.display());
        StoreError::new(StoreErrorKind::Misconfigured, message).caused_by(error)
    })?;
    Ok(Some(keys))
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
