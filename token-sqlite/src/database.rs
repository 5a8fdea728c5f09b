//! The connections to the file, and who waits for whom.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::{Connection, Transaction, TransactionBehavior};

use crate::error::Failure;

/// Two connections to one file: what only reads waits neither for a write nor for the disk.
#[derive(Debug)]
pub(crate) struct Database {
    path: PathBuf,
    // Closed in this order: the last one moves the log into the file, and only the writer's settings do that safely.
    reader: Mutex<Connection>,
    pub(crate) writer: Mutex<Connection>,
}

impl Database {
    pub(crate) fn new(path: PathBuf, reader: Connection, writer: Connection) -> Self {
        Self { path, reader: Mutex::new(reader), writer: Mutex::new(writer) }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Runs `look` on the database as it is. Each statement in it sees one state; two may see different ones: a
    /// transaction around them would cost every validation a quarter of its speed.
    pub(crate) fn read<T>(&self, look: impl FnOnce(&Connection) -> Result<T, Failure>) -> Result<T, Failure> {
        look(&lock(&self.reader))
    }

    /// Runs `change` as the only writer of the file. All of it happens, or nothing when it fails.
    pub(crate) fn write<T>(
        &self,
        change: impl FnOnce(&Transaction<'_>) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let mut connection = lock(&self.writer);
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let answer = change(&transaction)?;
        transaction.commit()?;
        Ok(answer)
    }
}

fn lock(connection: &Mutex<Connection>) -> MutexGuard<'_, Connection> {
    // A thread that panicked here dropped its transaction on the way out, which rolled it back.
    connection.lock().unwrap_or_else(PoisonError::into_inner)
}
