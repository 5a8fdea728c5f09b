//! The connections to the file, and their durability.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::{Connection, Transaction, TransactionBehavior};

use crate::error::Failure;
use crate::open::connect;
use crate::place::Place;

/// The size at which the log is moved into the file, which takes two syncs: 16 MiB.
const PAGES_IN_THE_LOG: u32 = 4_000;

/// How long after a successful change the next one is assumed to succeed.
const LATELY: Duration = Duration::from_secs(5);

/// When a change is acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Durability {
    /// When all processes see it. A power failure may undo it.
    Seen,
    /// When it is on the disk, together with everything that was committed before it.
    Disk,
}

/// Connections to one file. Reads wait neither for writes nor for the disk.
#[derive(Debug)]
pub(crate) struct Database {
    place: Place,
    // Dropped in this order: closing the last connection moves the log into the file.
    reader: Mutex<Connection>,
    pub(crate) writer: Mutex<Writer>,
    /// When the last change succeeded, unless a later one failed.
    written: Mutex<Option<Instant>>,
}

/// The connections that write, one at a time.
///
/// Both append to the same log. SQLite syncs the log before it moves any of it into the file, on either connection, and a
/// commit on `disk` syncs the whole log, including the earlier commits of `seen`. So no change that was acknowledged as
/// being on the disk depends on a page that is not (<https://sqlite.org/pragma.html#pragma_synchronous>).
#[derive(Debug)]
pub(crate) struct Writer {
    /// `synchronous=NORMAL`. Opened by the first change that uses it: most commands make none.
    pub(crate) seen: Option<Connection>,
    /// `synchronous=FULL`
    pub(crate) disk: Connection,
}

impl Database {
    pub(crate) fn new(path: PathBuf, reader: Connection, disk: Connection) -> Result<Self, Failure> {
        let (place, writer) = (Place::of(path)?, Writer { seen: None, disk });
        Ok(Self { place, reader: Mutex::new(reader), writer: Mutex::new(writer), written: Mutex::default() })
    }

    pub(crate) fn path(&self) -> &Path {
        self.place.path()
    }

    /// Runs `look`, which only reads, without a transaction: each statement sees one state, but two statements may see different
    /// ones. A transaction around them would cost every validation a quarter of its speed.
    pub(crate) fn read<T>(&self, look: impl FnOnce(&Connection) -> Result<T, Failure>) -> Result<T, Failure> {
        self.place.check_now_and_then()?;
        look(&lock(&self.reader))
    }

    /// Runs `change` as the only writer of the file. All of it is committed, or nothing if it fails.
    pub(crate) fn write<T>(
        &self,
        durability: Durability,
        change: impl FnOnce(&Transaction<'_>) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        self.place.check()?;
        let mut writer = lock(&self.writer);
        let written = self.commit(writer.connection(durability, self.path())?, change);
        *lock(&self.written) = written.is_ok().then(Instant::now);
        written
    }

    fn commit<T>(
        &self,
        connection: &mut Connection,
        change: impl FnOnce(&Transaction<'_>) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let answer = change(&transaction)?;
        transaction.commit()?;
        Ok(answer)
    }

    pub(crate) fn check_place(&self) -> Result<(), Failure> {
        self.place.check()
    }

    /// Whether the last change succeeded a short time ago.
    pub(crate) fn has_written_lately(&self) -> bool {
        lock(&self.written).is_some_and(|written| written.elapsed() < LATELY)
    }
}

impl Writer {
    fn connection(&mut self, durability: Durability, path: &Path) -> Result<&mut Connection, Failure> {
        match (durability, &mut self.seen) {
            (Durability::Disk, _) => Ok(&mut self.disk),
            (Durability::Seen, Some(seen)) => Ok(seen),
            (Durability::Seen, none) => Ok(none.insert(connect_writer(path, Durability::Seen)?)),
        }
    }
}

/// A connection with this durability.
pub(crate) fn connect_writer(path: &Path, durability: Durability) -> Result<Connection, Failure> {
    let connection = connect(path)?;
    set_durability(&connection, durability)?;
    Ok(connection)
}

pub(crate) fn set_durability(connection: &Connection, durability: Durability) -> Result<(), Failure> {
    let synchronous = match durability {
        Durability::Seen => "NORMAL",
        Durability::Disk => "FULL",
    };
    connection.pragma_update(None, "synchronous", synchronous)?;
    // macOS needs this for a real sync, also before the log is moved into the file.
    connection.pragma_update(None, "fullfsync", true)?;
    connection.pragma_update(None, "wal_autocheckpoint", PAGES_IN_THE_LOG)?;
    Ok(())
}

fn lock<T>(connection: &Mutex<T>) -> MutexGuard<'_, T> {
    // A thread that panicked here has dropped its transaction, which rolled it back.
    connection.lock().unwrap_or_else(PoisonError::into_inner)
}
