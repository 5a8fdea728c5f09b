//! Examining a database: whether tokens are safe in it.

use std::io;
use std::path::Path;

use rusqlite::Connection;
use token_core::{Check, Finding};

use crate::error::Failure;
use crate::open::{check_identity, connect};

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
    why: "with another one, whoever reads waits for whoever writes, and some file systems lose what was acknowledged",
};

const MODE: Check = Check {
    name: "file-mode",
    wanted: "the database is for its owner alone (mode 600)",
    why: "whoever can read it learns who has tokens for what; whoever can write to it can end them",
};

/// Examines the database at `path`. It is neither made nor changed; one that is not there yet is no failure.
///
/// It blocks while SQLite looks through the whole file.
#[must_use]
pub fn examine(path: &Path) -> Vec<Finding> {
    let node = path.display().to_string();
    let mut findings = vec![VERSION.ok(format!("SQLite {}", rusqlite::version()))];
    let of_file = match path.try_exists() {
        Ok(false) => vec![DATABASE.ok("none yet: the first token makes it")],
        _ => of_file(path),
    };
    findings.extend(of_file.into_iter().map(|finding| finding.at(&node)));
    findings
}

fn of_file(path: &Path) -> Vec<Finding> {
    let mode = match open_to_others(path) {
        Ok(None) => MODE.ok("for its owner alone"),
        Ok(Some(mode)) => {
            MODE.failure(format!("other users of this machine may reach it (mode {mode:03o}): chmod 600 it"))
        }
        Err(error) => MODE.warning(format!("not seen: {error}")),
    };
    let connection = match open(path) {
        Ok(connection) => connection,
        Err(failure) => {
            let error = failure.explain("open", "database", path);
            return vec![DATABASE.failure(error.to_string()), mode];
        }
    };
    vec![DATABASE.ok("opens"), mode, integrity(&connection), journal(&connection)]
}

fn open(path: &Path) -> Result<Connection, Failure> {
    // An absolute path is never one of SQLite's special names.
    let path = std::path::absolute(path)?;
    let connection = connect(&path)?;
    if connection.is_readonly("main")? {
        return Err(io::Error::from(io::ErrorKind::PermissionDenied).into());
    }
    check_identity(&connection, &path)?;
    Ok(connection)
}

fn integrity(connection: &Connection) -> Finding {
    // One complaint is enough to know.
    match connection.query_row("PRAGMA quick_check(1)", (), |row| row.get::<_, String>(0)) {
        Ok(found) if found == "ok" => INTEGRITY.ok("sound"),
        Ok(found) => INTEGRITY.failure(found),
        Err(error) => INTEGRITY.failure(format!("cannot be read through: {error}")),
    }
}

fn journal(connection: &Connection) -> Finding {
    match connection.pragma_query_value(None, "journal_mode", |row| row.get::<_, String>(0)) {
        Ok(mode) if mode == "wal" => JOURNAL.ok("wal"),
        Ok(mode) => JOURNAL.warning(format!("{mode}; the next use of the store sets it right")),
        Err(error) => JOURNAL.failure(error.to_string()),
    }
}

/// The mode of a file that others than its owner may reach; `None` where they may not.
///
/// # Errors
/// The file system does not tell.
#[cfg(unix)]
pub fn open_to_others(path: &Path) -> io::Result<Option<u32>> {
    use std::os::unix::fs::PermissionsExt;
    let mode = std::fs::metadata(path)?.permissions().mode() & 0o777;
    Ok((mode & 0o077 != 0).then_some(mode))
}

/// Where files have no modes, nothing is known to be wrong.
///
/// # Errors
/// None.
#[cfg(not(unix))]
pub fn open_to_others(_: &Path) -> io::Result<Option<u32>> {
    Ok(None)
}
