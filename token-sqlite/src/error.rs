//! The meaning of a failure of SQLite or of the file system for the caller of the store.

use std::io;
use std::path::Path;
use std::sync::Arc;

use rusqlite::ErrorCode;
use token_core::{StoreError, StoreErrorKind};

/// A failure without its context: the operation and the file are added later.
#[derive(Debug, Clone)]
pub(crate) enum Failure {
    Sqlite(Arc<rusqlite::Error>),
    File(Arc<io::Error>),
    /// A complete error.
    Store(StoreError),
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(Arc::new(error))
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::File(Arc::new(error))
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Failure {
    /// Whether a write failed because there is no room.
    pub(crate) fn is_full(&self) -> bool {
        match self {
            Self::Sqlite(error) => of_sqlite(error).0 == StoreErrorKind::Full,
            Self::File(error) => of_file(error.kind()).0 == StoreErrorKind::Full,
            Self::Store(error) => error.kind() == StoreErrorKind::Full,
        }
    }

    /// Makes an error of it: `doing` failed on the file at `path`, which is `what`.
    pub(crate) fn explain(self, doing: &str, what: &str, path: &Path) -> StoreError {
        let said = |(kind, trouble)| {
            StoreError::new(kind, format!("cannot {doing}: the {what} {} {trouble}", path.display()))
        };
        match self {
            Self::Sqlite(error) => match of_sqlite(&error) {
                (StoreErrorKind::Unavailable, _) if is_io(&error) => said(of_disk(path)).caused_by(error),
                found => said(found).caused_by(error),
            },
            Self::File(error) => said(of_file(error.kind())).caused_by(error),
            Self::Store(error) => error,
        }
    }
}

fn is_io(error: &rusqlite::Error) -> bool {
    matches!(error, rusqlite::Error::SqliteFailure(error, _) if error.code == ErrorCode::SystemIoFailure)
}

/// Why SQLite could not read or write the file: SQLite does not report it, so this tries to write another file beside it.
fn of_disk(path: &Path) -> (StoreErrorKind, &'static str) {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    match write_beside(path, folder).map_err(|error| error.kind()) {
        Err(
            kind @ (io::ErrorKind::ReadOnlyFilesystem
            | io::ErrorKind::StorageFull
            | io::ErrorKind::QuotaExceeded
            | io::ErrorKind::FileTooLarge),
        ) => of_file(kind),
        _ => of_code(ErrorCode::SystemIoFailure),
    }
}

/// Why a file opens read-only. It does not open the file, because closing it would release the locks of SQLite on it.
pub(crate) fn why_read_only(path: &Path) -> io::Error {
    let folder = path.parent().unwrap_or(Path::new("/"));
    match tempfile::tempfile_in(folder) {
        Err(error) if error.kind() == io::ErrorKind::ReadOnlyFilesystem => error,
        _ => io::ErrorKind::PermissionDenied.into(),
    }
}

/// Writes a file that is a little longer than the log, and removes it.
fn write_beside(path: &Path, folder: &Path) -> io::Result<()> {
    const MORE: u64 = 64 * 1024;
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    let length = std::fs::metadata(log).map_or(0, |log| log.len());
    let mut file = tempfile::tempfile_in(folder)?;
    file.set_len(length + MORE)?;
    io::Write::write_all(&mut file, &[0; MORE as usize])
}

/// The kind, the problem and the next step for every error of SQLite.
fn of_sqlite(error: &rusqlite::Error) -> (StoreErrorKind, &'static str) {
    use rusqlite::Error as E;
    match error {
        E::SqliteFailure(error, _) => of_code(error.code),
        E::FromSqlConversionFailure(..) | E::IntegralValueOutOfRange(..) | E::InvalidColumnType(..) => {
            (StoreErrorKind::Corrupt, "holds a row that no token store wrote; restore it from a backup")
        }
        E::SqlInputError { error, .. } => of_code(error.code),
        E::InvalidPath(_) | E::NulError(_) => {
            (StoreErrorKind::Misconfigured, "has a path that SQLite does not take; choose another one")
        }
        _ => (StoreErrorKind::Unavailable, "gave no answer; please report this"),
    }
}

fn of_code(code: ErrorCode) -> (StoreErrorKind, &'static str) {
    use StoreErrorKind as Kind;
    match code {
        ErrorCode::DatabaseBusy => (
            Kind::TimedOut,
            "is kept busy by another process; try again, and look for a process that holds it open in a transaction",
        ),
        ErrorCode::DatabaseLocked
        | ErrorCode::FileLockingProtocolFailed
        | ErrorCode::SchemaChanged
        | ErrorCode::OperationInterrupted
        | ErrorCode::OperationAborted => (Kind::Unavailable, "is being worked on by others; try again"),
        ErrorCode::OutOfMemory => {
            (Kind::Unavailable, "needs more memory than there is; free some and try again")
        }
        ErrorCode::SystemIoFailure => {
            (Kind::Unavailable, "cannot be read or written; check its disk, which must be a local one")
        }
        ErrorCode::DiskFull => (Kind::Full, "has no room to grow; free some space on its disk"),
        ErrorCode::PermissionDenied | ErrorCode::AuthorizationForStatementDenied | ErrorCode::ReadOnly => {
            (Kind::Denied, DENIED)
        }
        ErrorCode::CannotOpen => (
            Kind::Misconfigured,
            "does not open; check the path, and that this user may write to the file and its folder",
        ),
        ErrorCode::NotADatabase => {
            (Kind::Misconfigured, "is not a SQLite file; name another one, or restore it from a backup")
        }
        // SQLite's error for a statement on a missing table or column.
        ErrorCode::Unknown => {
            (Kind::Corrupt, "does not have the tables of a token store; restore it from a backup")
        }
        ErrorCode::DatabaseCorrupt => (Kind::Corrupt, "is damaged; restore it from a backup"),
        _ => (Kind::Unavailable, "gave no answer; please report this"),
    }
}

const DENIED: &str = "is closed to this user; let it read and write the file and its folder";

/// The same for every error of the file system.
fn of_file(kind: io::ErrorKind) -> (StoreErrorKind, &'static str) {
    use io::ErrorKind as Io;
    match kind {
        Io::PermissionDenied => (StoreErrorKind::Denied, DENIED),
        Io::ReadOnlyFilesystem => (
            StoreErrorKind::Denied,
            "is on a file system that is mounted read-only; mount it for writing, or name another place",
        ),
        Io::StorageFull | Io::QuotaExceeded => {
            (StoreErrorKind::Full, "finds no room; free some space on its disk")
        }
        Io::FileTooLarge => (
            StoreErrorKind::Full,
            "would grow beyond what this process may write to a file; raise that limit (ulimit -f)",
        ),
        Io::NotFound
        | Io::NotADirectory
        | Io::IsADirectory
        | Io::InvalidInput
        | Io::InvalidFilename
        | Io::AlreadyExists => (StoreErrorKind::Misconfigured, "cannot be a file there; check the path"),
        _ => (StoreErrorKind::Unavailable, "cannot be read or written; check its disk"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rusqlite::ffi;
    use std::error::Error;

    fn explained(code: i32) -> StoreError {
        Failure::from(rusqlite::Error::SqliteFailure(ffi::Error::new(code), None)).explain(
            "issue",
            "database",
            Path::new("/data/t.db"),
        )
    }

    #[test]
    fn each_result_of_sqlite_has_the_kind_that_callers_act_on() {
        use StoreErrorKind as Kind;
        for (code, kind, retryable) in [
            (ffi::SQLITE_BUSY, Kind::TimedOut, true),
            (ffi::SQLITE_BUSY_RECOVERY, Kind::TimedOut, true),
            (ffi::SQLITE_LOCKED, Kind::Unavailable, true),
            (ffi::SQLITE_PROTOCOL, Kind::Unavailable, true),
            (ffi::SQLITE_IOERR_FSYNC, Kind::Unavailable, true),
            (ffi::SQLITE_FULL, Kind::Full, false),
            (ffi::SQLITE_READONLY, Kind::Denied, false),
            (ffi::SQLITE_READONLY_DIRECTORY, Kind::Denied, false),
            (ffi::SQLITE_PERM, Kind::Denied, false),
            (ffi::SQLITE_CANTOPEN, Kind::Misconfigured, false),
            (ffi::SQLITE_NOTADB, Kind::Misconfigured, false),
            (ffi::SQLITE_CORRUPT, Kind::Corrupt, false),
        ] {
            let error = explained(code);
            assert_eq!((error.kind(), error.is_retryable()), (kind, retryable), "{code}: {error}");
        }
    }

    #[test]
    fn a_message_says_what_failed_and_what_to_do_without_the_cause() {
        for code in 1..=26 {
            let error = explained(code);
            let (message, cause) = (error.to_string(), error.source().unwrap().to_string());
            assert!(message.starts_with("cannot issue: the database /data/t.db "), "{message}");
            assert!(message.contains("; ") && !message.ends_with('.'), "{message}");
            assert!(!message.contains(&cause), "{message}: {cause}");
        }
    }

    #[test]
    fn a_read_only_file_system_is_named() {
        let error = Failure::from(io::Error::from(io::ErrorKind::ReadOnlyFilesystem));
        let message = error.explain("open", "database", Path::new("t.db")).to_string();
        assert!(message.contains("mounted read-only; "), "{message}");
    }

    #[test]
    fn failures_of_the_file_system_have_different_kinds() {
        use StoreErrorKind as Kind;
        for (io, kind) in [
            (io::ErrorKind::PermissionDenied, Kind::Denied),
            (io::ErrorKind::ReadOnlyFilesystem, Kind::Denied),
            (io::ErrorKind::StorageFull, Kind::Full),
            (io::ErrorKind::NotADirectory, Kind::Misconfigured),
            (io::ErrorKind::TimedOut, Kind::Unavailable),
        ] {
            let error = Failure::from(io::Error::from(io)).explain("open", "key file", Path::new("k"));
            assert_eq!(error.kind(), kind, "{error}");
            assert!(error.to_string().starts_with("cannot open: the key file k "), "{error}");
        }
    }
}
