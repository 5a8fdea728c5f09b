//! Reading, writing and locking the file itself.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::Write;
use std::path::Path;
use std::time::Duration;

use token_core::{KeyRing, StoreError, StoreErrorKind, new_key_file, os_rng};

use crate::error::Failure;

/// How often a new key file is made, and a lock is asked for, until it is given up.
pub(super) const TRIES: u32 = 100;
/// Between two tries to lock the file. It is held alone for the time of removing it.
const PAUSE: Duration = Duration::from_millis(5);

/// The keys in the file and the file with a shared lock; `None` if there is no file. On a file system without locks there
/// is none, and then nobody can remove the file either.
pub(super) fn load_locked(path: &Path) -> Result<Option<(KeyRing, Option<File>)>, Failure> {
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
pub(super) fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let (open, there) = (file.metadata(), std::fs::metadata(path));
    matches!((open, there), (Ok(open), Ok(there)) if (open.dev(), open.ino()) == (there.dev(), there.ino()))
}

/// An open file cannot be removed there.
#[cfg(not(unix))]
pub(super) fn is_at(_: &File, path: &Path) -> bool {
    path.exists()
}

pub(super) fn fill(path: &Path) -> Result<(), Failure> {
    let mut rng = os_rng().map_err(|error| {
        StoreError::new(StoreErrorKind::Unavailable, "cannot make a store key; try again").caused_by(error)
    })?;
    let text = new_key_file(&mut rng);
    OpenOptions::new().write(true).open(path)?.write_all(text.as_bytes())?;
    Ok(())
}

/// The keys in the file; `None` if there is no file.
pub(super) fn load(path: &Path) -> Result<Option<KeyRing>, Failure> {
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
