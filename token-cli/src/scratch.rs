//! A place beside the embedded store for tokens that are thrown away.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use token_core::KeyRing;
use token_sqlite::keyfile;

use crate::failure::Failure;

/// What the folders are called, in front of the name of the run.
const PREFIX: &str = ".bench-";
/// The file that is locked as long as a folder is in use.
const LOCK: &str = "lock";

/// A folder of its own on the disk of the store. It is removed on drop; what a process that was killed has left is
/// removed by the next one.
pub(crate) struct Scratch {
    folder: PathBuf,
    keys: Arc<KeyRing>,
    _lock: File,
}

impl Scratch {
    /// A new one in the folder of the database, which need not be there yet.
    pub(crate) fn beside(database: &Path, name: &str) -> Result<Self, Failure> {
        let above = database.parent().filter(|above| !above.as_os_str().is_empty()).unwrap_or(Path::new("."));
        remove_left_ones(above);
        let folder = above.join(format!("{PREFIX}{name}"));
        // Makes the folder too, for nobody else to see.
        let keys = keyfile::open_keys(&folder.join("tokens.db"), &folder.join("tokens.key"))?;
        let lock = File::create(folder.join(LOCK)).and_then(|lock| lock.lock().map(|()| lock));
        let lock = lock.map_err(|source| Failure::System {
            what: format!("cannot make a file in {}", folder.display()),
            source,
        })?;
        Ok(Self { folder, keys, _lock: lock })
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.folder.join("tokens.db")
    }

    /// Keys of its own: those of the store are not needed.
    pub(crate) fn keys(&self) -> Arc<KeyRing> {
        self.keys.clone()
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
        let used = Scratch::beside(&database, "used").unwrap();
        let left = Scratch::beside(&database, "left").unwrap();
        let left_folder = left.folder.clone();
        // As after a kill: the lock goes, the folder stays.
        let copy = home.path().join("copy");
        fs::rename(&left_folder, &copy).unwrap();
        drop(left);
        fs::rename(&copy, &left_folder).unwrap();

        let next = Scratch::beside(&database, "next").unwrap();
        assert!(!left_folder.exists());
        assert!(used.folder.exists() && next.folder.exists());
        let folders = [used.folder.clone(), next.folder.clone()];
        drop((used, next));
        assert!(folders.iter().all(|folder| !folder.exists()));
    }
}
