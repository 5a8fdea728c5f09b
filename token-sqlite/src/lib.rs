//! The embedded token store: one SQLite file, safe for several processes at once.
//!
//! It is the store that needs no server and no configuration. Commands, services and tests on one machine open the same
//! file at the same time; what one of them revokes, all of them refuse from then on. Answers are those of
//! [`MemoryStore`](token_core::spi::MemoryStore), and a revocation that was acknowledged survives the loss of power.
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
//! // Both files are made on first use, readable by their owner alone.
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
//! # What it refuses to be
//!
//! - **A store on a network file system.** Processes agree through memory that they share (SQLite's WAL mode), which
//!   does not reach over NFS or SMB. Several machines share a store through `token-redis`.
//! - **A table in your database.** It takes a new file or one that it made itself, and no other.
//! - **One file.** While it is open, `-wal` and `-shm` files stand beside it and belong to it: copy it with SQLite's
//!   `.backup`, and move or delete the three together.
//! - **A store with a clock of its own.** It reads its machine's; all processes on the file are on that machine.
//!
//! # Waiting
//!
//! Calls run on Tokio's blocking threads, so they need a Tokio runtime and hold up none of its workers. What only reads
//! never waits for what writes. A write waits for the writes of other processes, at most
//! [`SqliteStore::BUSY_TIMEOUT`]. Writes that are asked for at the same time share one transaction.
//!
//! Issues and revocations are on the disk before they are acknowledged. The use of a sliding token is a write, too, but
//! does not wait for the disk: the loss of power may take the last renewals back, and then a token ends earlier.
//!
//! A full disk stops writes of every kind, revocations too: they fail with [`Full`](token_core::StoreErrorKind::Full),
//! and so does the use of a sliding token, which is neither admitted nor called invalid then.

mod database;
mod error;
mod examine;
mod fresh;
mod key_checks;
pub mod keyfile;
mod lifetimes;
mod migrate;
mod open;
mod place;
mod rows;
mod store;
mod transitions;
mod writing;

pub use examine::{examine, examine_mode};
pub use lifetimes::examine_tokens;
pub use open::is_store;
pub use store::SqliteStore;

#[cfg(test)]
mod tests;
