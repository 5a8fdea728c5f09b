//! Checks that the open file is still at its path.
//!
//! A file that was deleted or replaced stays readable and writable for the processes that have it open. Their writes to it
//! would be lost when they end, and a revocation by another process would be in another file.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use token_core::{StoreError, StoreErrorKind};

use crate::error::Failure;

/// How long a process may answer from a deleted file: a check at each validation would cost some speed.
const EVERY: Duration = Duration::from_millis(500);

/// A path, and the file that was there when it was opened.
#[derive(Debug)]
pub(crate) struct Place {
    path: PathBuf,
    file: FileId,
    opened: Instant,
    /// Milliseconds after `opened`.
    next_check: AtomicU64,
}

impl Place {
    pub(crate) fn of(path: PathBuf) -> Result<Self, Failure> {
        let file = FileId::at(&path)?;
        Ok(Self { path, file, opened: Instant::now(), next_check: AtomicU64::new(0) })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Fails if there is another file, or none, at the path.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        match FileId::at(&self.path) {
            Ok(file) if file == self.file => Ok(()),
            Ok(_) => Err(self.gone("is not the file any more that was opened")),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                Err(self.gone("was deleted or moved while it was open"))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The same check, at most once in [`EVERY`].
    pub(crate) fn check_now_and_then(&self) -> Result<(), Failure> {
        let now = u64::try_from(self.opened.elapsed().as_millis()).unwrap_or(u64::MAX);
        if now < self.next_check.load(Ordering::Relaxed) {
            return Ok(());
        }
        self.check()?;
        // Only a good result is remembered; a bad one is checked again each time.
        self.next_check.store(now + EVERY.as_millis() as u64, Ordering::Relaxed);
        Ok(())
    }

    fn gone(&self, trouble: &str) -> Failure {
        let path = self.path.display();
        let message = format!("the database {path} {trouble}; restore it, then restart this program");
        StoreError::new(StoreErrorKind::Misconfigured, message).into()
    }
}

/// The identity of a file, which differs for another file at the same path.
#[derive(Debug, PartialEq, Eq)]
struct FileId(#[cfg(unix)] (u64, u64));

impl FileId {
    #[cfg(unix)]
    fn at(path: &Path) -> std::io::Result<Self> {
        use std::os::unix::fs::MetadataExt;
        fs::metadata(path).map(|file| Self((file.dev(), file.ino())))
    }

    #[cfg(not(unix))]
    fn at(path: &Path) -> std::io::Result<Self> {
        fs::metadata(path).map(|_| Self())
    }
}
