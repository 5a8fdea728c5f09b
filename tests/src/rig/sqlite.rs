//! `SqliteStore` on a file in a temporary directory and a clock that the test moves.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension};
use tempfile::TempDir;
use token_core::{Clock, ManualClock, Timestamp, TokenId, TokenStore};
use token_sqlite::SqliteStore;

use super::{Rig, START, keys};
use crate::runner::Topology;

/// Stores in files of their own.
#[derive(Debug)]
pub struct Sqlite;

impl Topology for Sqlite {
    const NAME: &'static str = "sqlite";
    const OWN_CLOCK: bool = true;

    async fn start() -> Self {
        Self
    }

    async fn rig(&self) -> Box<dyn Rig> {
        Box::new(SqliteRig::new())
    }
}

/// An empty database that two stores have open, as two processes would, and their clock.
struct SqliteRig {
    store: Arc<SqliteStore>,
    other: Arc<SqliteStore>,
    clock: Arc<ManualClock>,
    directory: TempDir,
}

impl SqliteRig {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::new(START));
        let path = path(&directory);
        let open = || Arc::new(SqliteStore::open_with_clock(&path, keys(), Arc::clone(&clock)).unwrap());
        Self { store: open(), other: open(), clock, directory }
    }

    /// A connection that goes past the stores.
    fn connection(&self) -> Connection {
        let connection = Connection::open(path(&self.directory)).unwrap();
        connection.busy_timeout(Duration::from_secs(10)).unwrap();
        connection
    }

    /// Record and deadline of a live token.
    fn row(&self, id: TokenId) -> Option<(Vec<u8>, Timestamp)> {
        let read = "SELECT record, expires_at FROM tokens WHERE id = ?1";
        let row = self.connection().query_row(read, [row_id(id)], |row| Ok((row.get(0)?, row.get(1)?)));
        let (record, expires_at): (_, i64) = row.optional().unwrap()?;
        let expires_at = Timestamp::from_millis(expires_at.try_into().unwrap());
        (self.clock.now() < expires_at).then_some((record, expires_at))
    }
}

fn path(directory: &TempDir) -> PathBuf {
    directory.path().join("tokens.db")
}

/// The partition's number and the 128 bits, both big-endian.
fn row_id(id: TokenId) -> Vec<u8> {
    [&id.partition().number().to_be_bytes()[..], &id.bits().to_be_bytes()].concat()
}

#[async_trait]
impl Rig for SqliteRig {
    fn store(&self) -> Arc<dyn TokenStore> {
        self.store.clone()
    }

    fn other_node(&self) -> Arc<dyn TokenStore> {
        self.other.clone()
    }

    async fn now(&self) -> Timestamp {
        self.clock.now()
    }

    async fn pass(&self, time: Duration) {
        self.clock.advance(time);
    }

    fn set_back(&self, by: Duration) {
        self.clock.set_back(by);
    }

    async fn age(&self, _: TokenId, by: Duration) {
        self.clock.advance(by);
    }

    async fn remaining(&self, id: TokenId) -> Option<Duration> {
        let (_, expires_at) = self.row(id)?;
        Some(self.clock.now().until(expires_at))
    }

    async fn record(&self, id: TokenId) -> Option<Vec<u8>> {
        self.row(id).map(|(record, _)| record)
    }

    async fn overwrite(&self, id: TokenId, bytes: Vec<u8>) {
        let write = "UPDATE tokens SET record = ?2 WHERE id = ?1";
        let changed = self.connection().execute(write, (row_id(id), bytes)).unwrap();
        assert_eq!(changed, 1, "{id} has no record");
    }
}
