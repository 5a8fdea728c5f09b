//! Tests of what is special to this store. The conformance suite and [`same_as_memory`] test that it answers as every other
//! store does.

mod expiry;
mod failures;
mod key_checks;
mod opening;
mod power;
mod room;
mod same_as_memory;
mod sharing;
mod together;
mod wal;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::Connection;
use token_core::spi::ManualClock;
use token_core::{
    Access, IssueRequest, Issued, KeyRing, Lifetime, Prefix, Requirement, Span, Subject, Timestamp,
    TokenService,
};

use crate::SqliteStore;

const MINUTE: Duration = Duration::from_secs(60);

/// A folder with a database, and the clock of all stores on it.
struct Place {
    folder: tempfile::TempDir,
    clock: Arc<ManualClock>,
}

impl Place {
    fn new() -> Self {
        let clock = Arc::new(ManualClock::new(Timestamp::from_millis(1_900_000_000_000)));
        Self { folder: tempfile::tempdir().unwrap(), clock }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("t.db")
    }

    fn open(&self) -> TokenService<SqliteStore> {
        let keys = Arc::new(KeyRing::public());
        let store = SqliteStore::open_with_clock(&self.path(), keys, Arc::clone(&self.clock)).unwrap();
        TokenService::new(store, Prefix::default())
    }

    /// A connection to the database as any other program has it.
    fn raw(&self) -> Connection {
        Connection::open(self.path()).unwrap()
    }

    fn count(&self, table: &str) -> u64 {
        let count: i64 =
            self.raw().query_row(&format!("SELECT count(*) FROM {table}"), (), |row| row.get(0)).unwrap();
        count.try_into().unwrap()
    }
}

fn admin() -> Subject {
    "admin".parse().unwrap()
}

fn minutes(count: u64) -> Span {
    Span::from_millis(count * 60_000).unwrap()
}

fn hard() -> Lifetime {
    Lifetime::hard(minutes(10))
}

fn sliding() -> Lifetime {
    Lifetime::sliding(minutes(10))
}

async fn issue(tokens: &TokenService<SqliteStore>, lifetime: Lifetime) -> Issued {
    let request = IssueRequest::new(admin(), Access::Full, lifetime);
    tokens.issue(&request).await.unwrap()
}

async fn is_active(tokens: &TokenService<SqliteStore>, issued: &Issued) -> bool {
    let verdict = tokens.validate(issued.token.expose_secret(), &Requirement::any()).await.unwrap();
    verdict.grant().is_some()
}
