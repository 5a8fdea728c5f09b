//! Personal access tokens: issued once, checked on every node, renewed while they are used, gone on time, and refused
//! everywhere the moment they are revoked.
//!
//! This crate holds what a token *is*: its text and id, subjects, scopes, lifetimes, records and verdicts, and the
//! contract of a [`TokenStore`]. It does no I/O. Stores live in crates of their own (`token-redis`, `token-sqlite`);
//! [`MemoryStore`] is the executable specification of them all.
//!
//! Data takes one way: text → [`ParsedToken`] → [`TokenStore`] → [`Verdict`].
//!
//! ```
//! use std::sync::Arc;
//! use token_core::{
//!     Access, Demand, IssueRequest, KeyRing, Lifetime, MemoryStore, Mode, Prefix, Revocation, TokenService, TokenStore,
//!     Verdict, os_rng,
//! };
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let tokens = TokenService::new(MemoryStore::new(Arc::new(KeyRing::public())), Prefix::default());
//!
//! // Slides by ten minutes with each use, and dies after a day at the latest.
//! let lifetime = Lifetime::capped("10m".parse()?, "24h".parse()?)?;
//! let request = IssueRequest::new("admin".parse()?, Access::Full, lifetime);
//! let issued = tokens.issue(&request, &mut os_rng()?).await?;
//!
//! // Whoever holds the text is let in …
//! let text = issued.token.expose_secret();
//! let Verdict::Active(grant) = tokens.validate(text, &Demand::any()).await? else { panic!("just issued") };
//! assert_eq!(grant.subject.as_str(), "admin");
//!
//! // … until the token is revoked, by its public id.
//! let revoked = tokens.store().revoke(grant.id, &Revocation::default()).await?;
//! assert!(revoked.confirmation.is_confirmed());
//! assert!(tokens.validate(text, &Demand::any()).await?.grant().is_none());
//! # Ok(())
//! # }
//! ```
//!
//! Three things are kept apart: a request that cannot be granted does not parse ([`ScopeError`], [`SpanError`], …), "no"
//! is an answer ([`Verdict::Inactive`]), and "could not find out" is a [`StoreError`].

mod access;
mod base62;
mod confirmation;
mod error;
mod finding;
mod grant;
mod id;
mod idempotency;
mod key_check;
mod key_file;
mod keys;
mod lifetime;
mod listing;
mod memory;
mod names;
mod partition;
mod plain;
mod recogniser;
mod record;
mod request;
mod rng;
mod scope;
mod service;
mod span;
mod store;
mod timestamp;
mod token;
mod tombstone;
mod verdict;

pub use access::{Access, Demand, Mode, Need};
pub use confirmation::{Change, Confirmation, ConfirmationLevel, ConfirmationLevelError, Unconfirmed};
pub use error::{StoreError, StoreErrorKind};
pub use finding::{Check, Finding, FindingStatus};
pub use grant::Grant;
pub use id::{TokenId, TokenIdError};
pub use idempotency::{IdempotencyEntry, IdempotencyKey, IdempotencyKeyError, Once, Repeated};
pub use key_check::{CheckValue, KeyFit};
pub use keys::{KeyFileError, KeyRing, KeyVersion, new_key_file};
pub use lifetime::{Deadlines, Lifetime, LifetimeError};
pub use listing::{Listing, UnreadableRecord};
pub use memory::MemoryStore;
pub use names::{Actor, Label, MAX_NAME_BYTES, NameError, Subject};
pub use partition::{PARTITIONS, Partition, SubjectHash};
pub use plain::{PlainTextError, plain_text};
pub use recogniser::Recogniser;
pub use record::{Record, RecordError};
pub use request::{IssueRequest, Parent};
pub use rng::{RandomnessError, os_rng};
pub use scope::{Permission, Scope, ScopeError, Scopes, ScopesError, parse_node};
pub use service::{Issued, TokenService};
pub use span::{Span, SpanError};
pub use store::{RevokeOutcome, Sighting, TokenState, TokenStore, Validating};
pub use timestamp::{Clock, HOUSEKEEPING_LAG, ManualClock, SystemClock, Timestamp};
pub use token::{MalformedToken, ParsedToken, Prefix, PrefixError, Token, TokenFormat};
pub use tombstone::{Revocation, Tombstone, TombstoneError};
pub use verdict::{Reason, Verdict};
