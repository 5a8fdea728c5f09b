//! Opens the file, creates it if there is none, and refuses files of other programs.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};
use token_core::spi::{Clock, SystemClock};
use token_core::{KeyRing, StoreError, StoreErrorKind};

use crate::database::{Database, Durability, set_durability};
use crate::error::{Failure, why_read_only};
use crate::fresh;
use crate::migrate::{SCHEMA_VERSION, create_schema, migrate};
use crate::store::SqliteStore;
use crate::transitions::Transitions;
use crate::writing::Queue;

/// `PRAGMA application_id`, "toks": distinguishes our files from those of other programs.
pub(crate) const APPLICATION_ID: i32 = i32::from_be_bytes(*b"toks");

impl SqliteStore {
    /// How long a call waits for the writes of other processes before it fails with
    /// [`TimedOut`](StoreErrorKind::TimedOut): 5 seconds.
    pub const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

    /// Opens the database at `path`, on the system's clock. If there is none, it creates it, with the folders above it; on
    /// Unix the file has mode 0600 and each new folder 0700.
    ///
    /// It blocks for a few milliseconds, or for at most [`BUSY_TIMEOUT`](Self::BUSY_TIMEOUT) if another process has locked
    /// the whole file.
    ///
    /// # Errors
    /// [`Misconfigured`](StoreErrorKind::Misconfigured) for a path that cannot be a file, for the database of another program
    /// and for a newer schema version; [`Denied`](StoreErrorKind::Denied) without the right to write;
    /// [`Corrupt`](StoreErrorKind::Corrupt) for a damaged database; [`Full`](StoreErrorKind::Full),
    /// [`TimedOut`](StoreErrorKind::TimedOut) and [`Unavailable`](StoreErrorKind::Unavailable) for failures of the file
    /// system and busy files.
    pub fn open(path: &Path, keys: Arc<KeyRing>) -> Result<Self, StoreError> {
        Self::open_with_clock(path, keys, SystemClock)
    }

    /// Opens an existing database: a path without one is
    /// [`Misconfigured`](StoreErrorKind::Misconfigured).
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_existing(path: &Path, keys: Arc<KeyRing>) -> Result<Self, StoreError> {
        let database = std::path::absolute(path)
            .map_err(Failure::from)
            .and_then(open_made)
            .map_err(|failure| failure.explain("open", "database", path))?;
        Ok(Self::on(database, keys, SystemClock))
    }

    /// Opens the database on the given clock, which all processes that use the file must share.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_with_clock(
        path: &Path,
        keys: Arc<KeyRing>,
        clock: impl Clock + 'static,
    ) -> Result<Self, StoreError> {
        let database = open_database(path).map_err(|failure| failure.explain("open", "database", path))?;
        Ok(Self::on(database, keys, clock))
    }

    fn on(database: Database, keys: Arc<KeyRing>, clock: impl Clock + 'static) -> Self {
        let clock = Box::new(clock);
        Self { inner: Arc::new(Transitions { keys, clock, database, queue: Queue::default() }) }
    }
}

fn open_database(path: &Path) -> Result<Database, Failure> {
    // An absolute path stays valid if the process changes its folder, and is never one of SQLite's special names
    // (`:memory:`, `file:…`).
    let path = std::path::absolute(path)?;
    if !path.try_exists()? {
        refuse_unmakable(&path)?;
        if fresh::make_whole(&path, fill)? {
            tracing::info!(path = %path.display(), "made a new token database");
        }
    }
    open_made(path)
}

/// Opens the existing database at this absolute path.
fn open_made(path: PathBuf) -> Result<Database, Failure> {
    if !path.try_exists()? {
        return Err(refused(&path, "does not exist; check the path"));
    }
    demand_file(&path)?;
    let writer = connect(&path)?;
    // Check this first: reading the database would create a log that this user may not write.
    if writer.is_readonly("main")? {
        return Err(why_read_only(&path).into());
    }
    check_identity(&writer, &path)?;
    switch_to_wal(&writer, &path)?;
    migrate(&writer, &path)?;
    set_durability(&writer, Durability::Disk)?;

    let reader = connect(&path)?;
    reader.pragma_update(None, "query_only", true)?;
    Database::new(path, reader, writer)
}

/// Whether the first bytes of the file at this path are those of our database. The file must not be open in this process:
/// closing it would release the locks of the process.
#[must_use]
pub fn is_store(path: &Path) -> bool {
    // <https://sqlite.org/fileformat2.html#the_database_header>
    let mut header = [0; 72];
    let read = std::fs::File::open(path).and_then(|mut file| io::Read::read_exact(&mut file, &mut header));
    read.is_ok()
        && header.starts_with(b"SQLite format 3\0")
        && header.ends_with(&APPLICATION_ID.to_be_bytes())
}

/// Refuses a path without a database if none can be created there.
pub(crate) fn refuse_unmakable(path: &Path) -> Result<(), Failure> {
    // Else its folder and its key file would be made before the file system refuses it.
    if path.as_os_str().as_encoded_bytes().ends_with(b"/") {
        return Err(refused(
            path,
            "has a path that ends with a slash, as that of a folder; leave the slash out",
        ));
    }
    if path.is_symlink() && !path.try_exists()? {
        return Err(refused(path, "is a link to a file that does not exist; correct the link, or remove it"));
    }
    refuse_orphans(path)
}

/// Refuses to create a database beside the log of a deleted one: SQLite would apply the log to the new one.
fn refuse_orphans(path: &Path) -> Result<(), Failure> {
    for suffix in ["-wal", "-journal"] {
        let mut log = path.as_os_str().to_owned();
        log.push(suffix);
        // Checked in this order: another process may create the database meanwhile, and then its log.
        if Path::new(&log).try_exists()? && !path.try_exists()? {
            let trouble = format!(
                "is missing, but {} is there; restore the database, or move that file away too",
                log.display()
            );
            return Err(refused(path, &trouble));
        }
    }
    Ok(())
}

/// Writes an empty database into a temporary file, whose loss would not matter.
fn fill(path: &Path) -> Result<(), Failure> {
    let new = connect(path)?;
    new.pragma_update(None, "synchronous", "OFF")?;
    new.pragma_update(None, "journal_mode", "MEMORY")?;
    create_schema(&new)?;
    new.pragma_update(None, "application_id", APPLICATION_ID)?;
    switch_to_wal(&new, path)?;
    new.close().map_err(|(_, error)| error.into())
}

/// A connection that never creates a file: SQLite would make it readable by all users.
pub(crate) fn connect(path: &Path) -> Result<Connection, Failure> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(SqliteStore::BUSY_TIMEOUT)?;
    Ok(connection)
}

/// Refuses a folder, a pipe or a device. Reading a pipe would wait for its writer.
fn demand_file(path: &Path) -> Result<(), Failure> {
    match std::fs::metadata(path).is_ok_and(|found| !found.is_file()) {
        true => Err(refused(path, "is not a file; check the path")),
        false => Ok(()),
    }
}

/// Refuses an existing file that is not our database, and opens it only for reading.
pub(crate) fn identify(path: &Path) -> Result<(), StoreError> {
    let looked = || {
        let path = std::path::absolute(path)?;
        demand_file(&path)?;
        check_identity(&connect(&path)?, &path)
    };
    looked().map_err(|failure: Failure| failure.explain("open", "database", path))
}

/// Refuses the database of another program before anything is written to it, and a database of a newer schema version.
pub(crate) fn check_identity(connection: &Connection, path: &Path) -> Result<(), Failure> {
    let pragma = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i32>(0));
    match (pragma("application_id")?, pragma("user_version")?) {
        (APPLICATION_ID, 1..=SCHEMA_VERSION) => Ok(()),
        (APPLICATION_ID, version) => {
            let trouble = format!(
                "has schema version {version}, and this program knows none beyond {SCHEMA_VERSION}; \
                 use the version of the program that made it"
            );
            Err(refused(path, &trouble))
        }
        _ if pragma("page_count")? == 0 => {
            Err(refused(path, "is an empty file, not a database; remove it, and it will be made"))
        }
        _ => Err(refused(path, "belongs to another program; name a file of its own for the tokens")),
    }
}

/// Concurrent readers and writers need SQLite's write-ahead log. The mode is stored in the file.
fn switch_to_wal(connection: &Connection, path: &Path) -> Result<(), Failure> {
    let mode: String = connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))?;
    if mode == "wal" {
        return Ok(());
    }
    Err(refused(path, "is on a file system that several processes cannot share; move it to a local disk"))
}

fn refused(path: &Path, trouble: &str) -> Failure {
    let message = format!("cannot open: the database {} {trouble}", path.display());
    StoreError::new(StoreErrorKind::Misconfigured, message).into()
}
