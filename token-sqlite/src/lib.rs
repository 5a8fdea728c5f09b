//! The embedded token store: one SQLite file, safe for several processes at once.
//!
//! This store needs no server and no configuration. Commands, services and tests on one machine can open the same file at the
//! same time; when one of them revokes a token, all of them refuse it from then on. It gives the same answers as
//! [`MemoryStore`](token_core::spi::MemoryStore), and an acknowledged revocation survives a power failure.
//!
//! ```
//! use token_core::{Access, IssueRequest, Lifetime, Prefix, Requirement, Revocation, TokenService};
//! use token_sqlite::{SqliteStore, keyfile};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # let folder = folder.path();
//! let (database, key_file) = (folder.join("tokens.db"), folder.join("tokens.key"));
//!
//! // Both files are created on first use, readable only by their owner.
//! let store = keyfile::open_with_keys(&database, &key_file, SqliteStore::open)?;
//! let tokens = TokenService::new(store, Prefix::default());
//!
//! let request = IssueRequest::new("admin".parse()?, Access::Full, Lifetime::hard("28d".parse()?));
//! let issued = tokens.issue(&request).await?;
//! let text = issued.token.expose_secret();
//! assert!(tokens.validate(text, &Requirement::any()).await?.grant().is_some());
//!
//! tokens.revoke(issued.grant.id, &Revocation::default()).await?;
//! assert!(tokens.validate(text, &Requirement::any()).await?.grant().is_none());
//! # Ok(())
//! # }
//! ```
//!
//! # Limits
//!
//! - **No network file systems.** Processes coordinate through shared memory (SQLite's WAL mode), which does not work over
//!   NFS or SMB. To share a store between machines, use `token-redis`.
//! - **No tables in your database.** It opens a new file or one that it created itself, and no other.
//! - **More than one file.** While it is open, `-wal` and `-shm` files beside it belong to it: copy it with SQLite's
//!   `.backup`, and move or delete the three together.
//! - **No clock of its own.** It reads the clock of its machine; all processes that use the file are on that machine.
//!
//! # Waiting
//!
//! Calls run on Tokio's blocking threads, so they need a Tokio runtime and block none of its workers. Reads never wait for
//! writes. A write waits for the writes of other processes, for at most [`SqliteStore::BUSY_TIMEOUT`]. Writes that are
//! requested at the same time share one transaction.
//!
//! Issues and revocations are on the disk before they are acknowledged. The use of a sliding token is a write, too, but does
//! not wait for the disk: a power failure may undo the last renewals, and then a token expires earlier.
//!
//! A full disk prevents all writes, including revocations: they fail with [`Full`](token_core::StoreErrorKind::Full). So does
//! the use of a sliding token, which is then neither admitted nor called invalid.

mod database;
mod error;
mod fresh;
pub mod inspect;
mod key_checks;
pub mod keyfile;
mod migrate;
mod open;
mod place;
mod rows;
mod store;
mod transitions;
mod writing;

pub use open::is_store;
pub use store::SqliteStore;

#[cfg(test)]
mod tests;
