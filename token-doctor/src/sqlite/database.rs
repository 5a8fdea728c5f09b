//! Examines whether tokens are safe in a database.

use std::io;
use std::path::Path;

use token_sqlite::inspect::{Inspection, sqlite_version};

use crate::{Check, Finding};

const VERSION: Check = Check {
    name: "version",
    wanted: "the SQLite that this program was built with",
    why: "it is part of the program: a newer one comes with a newer program",
};

const DATABASE: Check = Check {
    name: "database",
    wanted: "a file that this program made, and may write to",
    why: "without it there are no tokens",
};

const INTEGRITY: Check = Check {
    name: "integrity",
    wanted: "PRAGMA quick_check finds nothing",
    why: "tokens in the damaged part are refused, and revocations in it may be forgotten: restore a backup, and revoke again",
};

const JOURNAL: Check = Check {
    name: "journal",
    wanted: "journal_mode wal",
    why: "with another one, readers wait for writers, and some file systems lose what was acknowledged",
};

const ROOM: Check = Check {
    name: "room",
    wanted: "1 MiB free on the file system of the database, or more",
    why: "without room nothing is issued or revoked, and no token is renewed",
};

/// The greatest size of the log between two checkpoints in ordinary use.
const LEAST_ROOM: u64 = 1024 * 1024;

const MODE: Check = Check {
    name: "file-mode",
    wanted: "the database is for its owner alone (mode 600)",
    why: "anyone who can read it learns who has tokens for what; anyone who can write to it can end them",
};

/// Examines the database at `path`. It neither creates nor changes it; a database that does not exist yet is no failure.
///
/// It blocks while SQLite reads the whole file.
#[must_use]
pub fn examine(path: &Path) -> Vec<Finding> {
    let node = path.display().to_string();
    let mut findings = vec![VERSION.ok(format!("SQLite {}", sqlite_version()))];
    let of_file = match path.try_exists() {
        Ok(false) => vec![DATABASE.ok("none yet: the first token makes it"), room(path)],
        _ => of_file(path),
    };
    findings.extend(of_file.into_iter().map(|finding| finding.at(&node)));
    findings
}

fn of_file(path: &Path) -> Vec<Finding> {
    let mode = examine_mode(&MODE, path);
    let database = match Inspection::open(path) {
        Ok(database) => database,
        Err(error) => return vec![DATABASE.failure(error.to_string()), mode, room(path)],
    };
    vec![DATABASE.ok("opens"), mode, integrity(&database), journal(&database), room(path)]
}

fn integrity(database: &Inspection) -> Finding {
    match database.quick_check() {
        Ok(found) if found == "ok" => INTEGRITY.ok("sound"),
        Ok(found) => INTEGRITY.failure(found),
        Err(error) => INTEGRITY.failure(error.to_string()),
    }
}

fn journal(database: &Inspection) -> Finding {
    match database.journal_mode() {
        Ok(mode) if mode == "wal" => JOURNAL.ok("wal"),
        Ok(mode) => JOURNAL.warning(format!("{mode}; the next use of the store sets it right")),
        Err(error) => JOURNAL.failure(error.to_string()),
    }
}

/// The free space of the file system of the database, which need not exist yet.
fn room(path: &Path) -> Finding {
    match free(path) {
        Ok(free) => judged(free),
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
            ROOM.failure("none: what stands above it is a file, and no folder")
        }
        Err(error) => ROOM.warning(format!("the room on its file system was not seen: {error}")),
    }
}

fn judged(free: u64) -> Finding {
    match free {
        LEAST_ROOM.. => ROOM.ok("1 MiB or more"),
        _ => ROOM.failure(format!("{} KiB free: make room on its file system", free / 1024)),
    }
}

/// How many bytes this user may still write.
#[cfg(unix)]
fn free(path: &Path) -> io::Result<u64> {
    let path = std::path::absolute(path)?;
    // The first token creates missing folders.
    let there = path.ancestors().find(|path| path.exists()).unwrap_or(&path);
    if there != path && !there.is_dir() {
        return Err(io::ErrorKind::NotADirectory.into());
    }
    let found = rustix::fs::statvfs(there)?;
    Ok(found.f_bavail.saturating_mul(found.f_frsize))
}

#[cfg(not(unix))]
fn free(_: &Path) -> io::Result<u64> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Checks that only its owner may access a file. Access by its group may be intended and is a warning; access by all users is
/// a failure.
///
/// If files have no modes, nothing is known to be wrong.
#[must_use]
pub fn examine_mode(check: &Check, path: &Path) -> Finding {
    match mode(path) {
        Ok(mode) if mode & 0o007 != 0 => {
            check.failure(format!("all users of this machine may reach it (mode {mode:03o}): chmod 600 it"))
        }
        Ok(mode) if mode & 0o070 != 0 => check.warning(format!("its group may reach it (mode {mode:03o})")),
        Ok(_) => check.ok("for its owner alone"),
        Err(error) => check.warning(format!("who may reach it was not seen: {error}")),
    }
}

#[cfg(unix)]
fn mode(path: &Path) -> io::Result<u32> {
    use std::os::unix::fs::PermissionsExt;
    Ok(std::fs::metadata(path)?.permissions().mode() & 0o777)
}

#[cfg(not(unix))]
fn mode(path: &Path) -> io::Result<u32> {
    std::fs::metadata(path).map(|_| 0o600)
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use crate::FindingStatus::{Failure, Ok, Warning};

    use super::*;

    #[test]
    fn a_file_open_to_its_group_is_a_warning_and_to_all_a_failure() {
        let file = tempfile::NamedTempFile::new().unwrap();
        for (mode, status) in
            [(0o600, Ok), (0o400, Ok), (0o640, Warning), (0o604, Failure), (0o666, Failure), (0o602, Failure)]
        {
            std::fs::set_permissions(file.path(), PermissionsExt::from_mode(mode)).unwrap();
            assert_eq!(examine_mode(&MODE, file.path()).status, status, "{mode:o}");
        }
    }

    #[test]
    fn less_than_a_mebibyte_of_room_is_a_failure() {
        assert_eq!(judged(LEAST_ROOM).status, Ok);
        let short = judged(LEAST_ROOM - 1);
        assert_eq!((short.status, short.found.contains("1023 KiB free")), (Failure, true), "{short:?}");
    }

    #[test]
    fn free_space_is_checked_before_a_database_exists() {
        let folder = tempfile::tempdir().unwrap();
        assert!(free(&folder.path().join("no/such/t.db")).unwrap() > 0);
    }

    #[test]
    fn there_is_no_room_below_a_plain_file() {
        let file = tempfile::NamedTempFile::new().unwrap();
        for below in ["t.db", "no/t.db"] {
            let findings = examine(&file.path().join(below));
            let status = |check| findings.iter().find(|finding| finding.check == check).unwrap().status;
            assert_eq!((status("room"), status("database")), (Failure, Failure), "{findings:?}");
        }
    }

    #[test]
    fn a_mode_that_cannot_be_read_is_a_warning() {
        assert_eq!(examine_mode(&MODE, Path::new("/nowhere/at/all")).status, Warning);
    }
}
