//! The check values of the store keys: a process uses them to detect a key file of another database.

use rusqlite::{Connection, OptionalExtension, Result};
use token_core::spi::CheckValue;
use token_core::{KeyFit, KeyRing, KeyVersion, StoreError};

use crate::error::Failure;
use crate::store::SqliteStore;
use crate::transitions::Transitions;

impl SqliteStore {
    /// Compares the keys with the check values in the database. It blocks.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn key_fit(&self) -> std::result::Result<KeyFit, StoreError> {
        let Transitions { database, keys, .. } = &*self.inner;
        let known = database.read(|db| Ok(known(db)?));
        known
            .map(|known| keys.fit(&known))
            .map_err(|failure: Failure| failure.explain("read", "database", database.path()))
    }
}

/// Writes the check value of the issuing key, unless there is one. Another key of the same version is refused, and so is the
/// public key if a key file has issued.
pub(crate) fn before_issue(db: &Connection, keys: &KeyRing) -> std::result::Result<(), Failure> {
    if keys.is_public() {
        keys.fit(&known(db)?).require("issue")?;
    }
    let version = keys.issuing_version();
    let Some(value) = keys.check_value(version) else { return Ok(()) };
    let noted = db
        .prepare_cached("SELECT value FROM key_checks WHERE version = ?1")?
        .query_row([version.byte()], |row| row.get::<_, CheckValue>(0))
        .optional()?;
    match noted {
        Some(noted) => Ok(keys.fit(&[(version, noted)]).require("issue")?),
        None => {
            db.prepare_cached("INSERT INTO key_checks (version, value) VALUES (?1, ?2)")?
                .execute((version.byte(), value))?;
            Ok(())
        }
    }
}

/// All check values. A database of an earlier version has none.
pub(crate) fn known(db: &Connection) -> Result<Vec<(KeyVersion, CheckValue)>> {
    let there = db.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'key_checks'")?.exists(())?;
    if !there {
        return Ok(Vec::new());
    }
    let mut statement = db.prepare("SELECT version, value FROM key_checks ORDER BY version")?;
    let rows = statement.query_map((), |row| Ok((KeyVersion::new(row.get(0)?), row.get(1)?)))?;
    rows.map(|row| row.map(|(version, value)| Some((version?, value))))
        .filter_map(Result::transpose)
        .collect()
}
