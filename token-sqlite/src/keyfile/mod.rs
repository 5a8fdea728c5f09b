//! The key file of the embedded default: created on first use, and never again.

mod file;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use token_core::{KeyRing, StoreError, StoreErrorKind};

use self::file::{TRIES, fill, is_at, load, load_locked};
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

fn missing(database: &Path, key_file: &Path) -> StoreError {
    let message = format!(
        "cannot open: the key file {} is missing, and without it no token in the database {} can be recognised; \
         restore it, or move the database away to start again",
        key_file.display(),
        database.display()
    );
    StoreError::new(StoreErrorKind::Misconfigured, message)
}
