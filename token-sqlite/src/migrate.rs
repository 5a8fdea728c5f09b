//! The versions of the schema: creates the newest one, and migrates databases of earlier ones.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, Transaction, TransactionBehavior};

use crate::error::Failure;
use crate::fresh;

const SCHEMA: &str = include_str!("schema.sql");

/// The additions of each version after the first.
const ADDITIONS: [(i32, &str); 2] =
    [(2, include_str!("issued_once.sql")), (3, include_str!("key_checks.sql"))];

/// `PRAGMA user_version`: the version of the schema.
pub(crate) const SCHEMA_VERSION: i32 = 3;

/// Creates the tables of a new database.
pub(crate) fn create_schema(new: &Connection) -> Result<(), Failure> {
    new.execute_batch(SCHEMA)?;
    add_since(new, 1)
}

/// Migrates the database at this path to the newest version in one transaction, and keeps a copy of the earlier database. Of
/// several concurrent processes, one does it.
pub(crate) fn migrate(writer: &Connection, path: &Path) -> Result<(), Failure> {
    let before = version(writer)?;
    if before == SCHEMA_VERSION {
        return Ok(());
    }
    keep_copy(writer, path, before)?;
    let transaction = Transaction::new_unchecked(writer, TransactionBehavior::Immediate)?;
    let before = version(&transaction)?;
    if before < SCHEMA_VERSION {
        add_since(&transaction, before)?;
    }
    Ok(transaction.commit()?)
}

fn version(db: &Connection) -> Result<i32, Failure> {
    Ok(db.pragma_query_value(None, "user_version", |row| row.get(0))?)
}

fn add_since(db: &Connection, version: i32) -> Result<(), Failure> {
    for (_, addition) in ADDITIONS.iter().filter(|(since, _)| *since > version) {
        db.execute_batch(addition)?;
    }
    Ok(db.pragma_update(None, "user_version", SCHEMA_VERSION)?)
}

/// Copies the database to a file beside it, for its owner only. An existing copy of the same version stays: an interrupted
/// migration has changed nothing since.
fn keep_copy(db: &Connection, path: &Path, version: i32) -> Result<(), Failure> {
    let copy = copy_of(path, version);
    if copy.try_exists()? {
        return Ok(());
    }
    let made = fresh::make_whole(&copy, |file| {
        Ok::<_, Failure>(db.backup("main", file, None::<fn(rusqlite::backup::Progress)>)?)
    })?;
    if made {
        tracing::info!(copy = %copy.display(), "kept a copy of the database as it was before its migration");
    }
    Ok(())
}

/// `t.db` of version 2 is kept as `t.db.version-2`.
fn copy_of(path: &Path, version: i32) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".version-{version}"));
    name.into()
}
