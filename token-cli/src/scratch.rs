//! A place beside the embedded store for tokens that are thrown away.

use std::error::Error;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use token_core::{KeyRing, StoreError, StoreErrorKind};
use token_sqlite::{SqliteStore, keyfile};

use crate::failure::Failure;

/// What the folders are called, in front of the name of the run.
const PREFIX: &str = ".bench-";
/// The file that is locked as long as a folder is in use.
const LOCK: &str = "lock";

/// A folder of its own on the disk of the store. It is removed on drop; what a process that was killed has left is
/// removed by the next one.
pub(crate) struct Scratch {
    folder: PathBuf,
    /// Held as long as the folder is in use.
    lock: Option<File>,
}

impl Scratch {
    /// A new one in the folder of the database, which need not be there yet, and a store in it.
    pub(crate) fn beside(database: &Path, name: &str) -> Result<(Self, SqliteStore), Failure> {
        let above = database.parent().filter(|above| !above.as_os_str().is_empty()).unwrap_or(Path::new("."));
        remove_left_ones(above);
        // Dropped on failure, and the folder with it.
        let mut scratch = Self { folder: above.join(format!("{PREFIX}{name}")), lock: None };
        let store = scratch.open().map_err(|error| without_inner_names(&error, above))?;
        Ok((scratch, store))
    }

    fn open(&mut self) -> Result<SqliteStore, StoreError> {
        let database = self.folder.join("tokens.db");
        // Makes the folder too, readable only by this user.
        let keys = self.keys(&database)?;
        let lock = File::create(self.folder.join(LOCK)).and_then(|lock| lock.lock().map(|()| lock));
        self.lock =
            Some(lock.map_err(|error| StoreError::new(kind(&error), "cannot lock").caused_by(error))?);
        SqliteStore::open(&database, keys)
    }

    /// Keys of its own: those of the store are not needed.
    fn keys(&self, database: &Path) -> Result<Arc<KeyRing>, StoreError> {
        keyfile::open_keys(database, &self.folder.join("tokens.key"))
    }

    /// Removes it; otherwise says what is left.
    pub(crate) fn remove(&self) -> Result<(), String> {
        fs::remove_dir_all(&self.folder)
            .map_err(|error| format!("cannot remove {}: {error}; nobody needs it", self.folder.display()))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // Mostly it is gone already; what is not, the next one removes.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// The failure with its cause, and without the names of files that are removed again.
fn without_inner_names(error: &StoreError, above: &Path) -> Failure {
    let trouble = match error.kind() {
        StoreErrorKind::Full => "there is no room for its tokens: free some space on that disk",
        StoreErrorKind::Denied => "this user may not make files: give it that right, or name another store",
        _ => "no store can be made for its tokens: check that folder and its disk",
    };
    let told = StoreError::new(error.kind(), format!("cannot bench: in {} {trouble}", above.display()));
    Failure::Store(match error.source() {
        Some(cause) => told.caused_by(cause.to_string()),
        None => told,
    })
}

fn kind(error: &io::Error) -> StoreErrorKind {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            StoreErrorKind::Full
        }
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => StoreErrorKind::Denied,
        _ => StoreErrorKind::Unavailable,
    }
}

/// Removes the folders that no process uses any more. Where that cannot be done, they stay.
fn remove_left_ones(above: &Path) {
    let Ok(entries) = fs::read_dir(above) else { return };
    for entry in entries.flatten() {
        let ours = entry.file_name().to_string_lossy().starts_with(PREFIX);
        // A folder without a lock file may just be in the making.
        if ours && File::open(entry.path().join(LOCK)).is_ok_and(|lock| lock.try_lock().is_ok()) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn abandoned_scratch_folders_are_removed_and_used_ones_are_kept() {
        let home = tempfile::TempDir::new().unwrap();
        let database = home.path().join("data/tokens.db");
        let beside = |name| Scratch::beside(&database, name).unwrap().0;
        let (used, left) = (beside("used"), beside("left"));
        let left_folder = left.folder.clone();
        // As after a kill: the lock goes, the folder stays.
        let copy = home.path().join("copy");
        fs::rename(&left_folder, &copy).unwrap();
        drop(left);
        fs::rename(&copy, &left_folder).unwrap();

        let next = beside("next");
        assert!(!left_folder.exists());
        assert!(used.folder.exists() && next.folder.exists());
        let folders = [used.folder.clone(), next.folder.clone()];
        drop((used, next));
        assert!(folders.iter().all(|folder| !folder.exists()));
    }
}
