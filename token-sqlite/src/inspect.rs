//! Raw access to a database, for programs that examine it.

use std::io;
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use token_core::spi::CheckValue;
use token_core::{KeyVersion, StoreError, Timestamp, TokenId};

use crate::error::Failure;
use crate::open::{check_identity, connect};
use crate::{key_checks, rows};

/// A database that is examined. It is neither made nor changed. All calls block.
#[derive(Debug)]
pub struct Inspection {
    connection: Connection,
    path: PathBuf,
}

impl Inspection {
    /// Opens the database at `path`.
    ///
    /// # Errors
    /// There is none, it belongs to another program, or it cannot be written.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let connection = open(path).map_err(|failure| failure.explain("open", "database", path))?;
        Ok(Self { connection, path: path.to_owned() })
    }

    /// What `PRAGMA quick_check` finds first; `ok` if it finds nothing.
    ///
    /// # Errors
    /// The database cannot be read through.
    pub fn quick_check(&self) -> Result<String, StoreError> {
        // One complaint is enough to know.
        let found = self.connection.query_row("PRAGMA quick_check(1)", (), |row| row.get(0));
        found.map_err(|error| self.unread(error))
    }

    /// The journal mode of the database.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn journal_mode(&self) -> Result<String, StoreError> {
        let mode = self.connection.pragma_query_value(None, "journal_mode", |row| row.get(0));
        mode.map_err(|error| self.unread(error))
    }

    /// The check values of the store keys that issued tokens.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn key_checks(&self) -> Result<Vec<(KeyVersion, CheckValue)>, StoreError> {
        key_checks::known(&self.connection).map_err(|error| self.unread(error))
    }

    /// Hands every token that is live at `now` to `see`: its id, its record, and its end.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn each_token(
        &self,
        now: Timestamp,
        mut see: impl FnMut(TokenId, &[u8], Timestamp),
    ) -> Result<(), StoreError> {
        let read = rows::each(&self.connection, now, |id, live| see(id, &live.record, live.expires_at));
        read.map_err(|error| self.unread(error))
    }

    fn unread(&self, error: rusqlite::Error) -> StoreError {
        Failure::from(error).explain("read", "database", &self.path)
    }
}

/// The version of SQLite that is compiled in.
#[must_use]
pub fn sqlite_version() -> &'static str {
    rusqlite::version()
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
