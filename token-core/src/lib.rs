//! Personal access tokens: issued once, checked on every node, renewed while they are used, gone on time, and refused
//! everywhere the moment they are revoked.
//!
//! This crate defines what a token *is*: its text and id, subjects, scopes, lifetimes, records and verdicts, and the
//! contract of a [`TokenStore`](spi::TokenStore). It does no I/O. Stores are in crates of their own (`token-redis`,
//! `token-sqlite`); [`MemoryStore`](spi::MemoryStore) is the executable specification of them all.
//!
//! Data flows one way: text → [`ParsedToken`] → [`TokenStore`](spi::TokenStore) → [`Verdict`]. [`TokenService`] has every
//! operation; you can put an [`IssuePolicy`] and an [`EventSink`] of your own between its callers and the store.
//!
//! ```
//! use std::sync::Arc;
//! use token_core::spi::MemoryStore;
//! use token_core::{
//!     Access, IssueRequest, KeyRing, Lifetime, Prefix, Requirement, Revocation, TokenService, Verdict,
//! };
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let tokens = TokenService::new(MemoryStore::new(Arc::new(KeyRing::public())), Prefix::default());
//!
//! // Slides by ten minutes with each use, and dies after a day at the latest.
//! let lifetime = Lifetime::capped("10m".parse()?, "24h".parse()?)?;
//! let request = IssueRequest::new("admin".parse()?, Access::Full, lifetime);
//! let issued = tokens.issue(&request).await?;
//!
//! // The text of the token is valid …
//! let text = issued.token.expose_secret();
//! let Verdict::Active(grant) = tokens.validate(text, &Requirement::any()).await? else { panic!("just issued") };
//! assert_eq!(grant.subject.as_str(), "admin");
//!
//! // … until the token is revoked, by its public id.
//! let revoked = tokens.revoke(grant.id, &Revocation::default()).await?;
//! assert!(revoked.confirmation.is_confirmed());
//! assert!(tokens.validate(text, &Requirement::any()).await?.grant().is_none());
//! # Ok(())
//! # }
//! ```
//!
//! The names at the root are for services that use tokens. The names for authors of stores are in [`spi`].
//!
//! Three outcomes are distinct: invalid input does not parse ([`ScopeError`], [`SpanError`], …), "no" is an answer
//! ([`Verdict::Inactive`]), and "could not find out" is a [`StoreError`].

mod access;
mod base62;
mod confirmation;
mod error;
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
mod outcome;
mod partition;
mod plain;
mod prefix;
mod recogniser;
mod record;
mod request;
mod rng;
mod scope;
mod service;
mod span;
pub mod spi;
mod store;
mod timestamp;
mod token;
mod tombstone;
mod verdict;

pub use access::{Access, Mode, RequiredPermission, Requirement};
pub use confirmation::{Committed, Confirmation, ConfirmationLevel, ConfirmationLevelError, Unconfirmed};
pub use error::{StoreError, StoreErrorKind};
pub use grant::Grant;
pub use id::{TokenId, TokenIdError};
pub use idempotency::{IdempotencyKey, IdempotencyKeyError, Once, Repeated};
pub use key_check::KeyFit;
pub use keys::{KeyFileError, KeyRing, KeyVersion, new_key_file};
pub use lifetime::{Deadlines, Lifetime, LifetimeError};
pub use listing::{Listing, UnreadableRecord};
pub use names::{Actor, Label, MAX_NAME_BYTES, NameError, Subject};
pub use outcome::{RevokeOutcome, TokenState, TokenStatus};
pub use plain::{PlainTextError, plain_text};
pub use prefix::{Prefix, PrefixError};
pub use recogniser::Recogniser;
pub use request::{IssueRequest, Parent};
pub use rng::{RandomSource, RandomnessError, os_rng};
pub use scope::{Permission, Scope, ScopeError, Scopes, ScopesError, parse_node};
pub use service::{
    Event, EventSink, IssueDenied, IssuePolicy, Issued, ServiceError, TokenService, TokenServiceBuilder,
};
pub use span::{Span, SpanError};
pub use timestamp::Timestamp;
pub use token::{MalformedToken, ParsedToken, Token};
pub use tombstone::{Revocation, Tombstone};
pub use verdict::{Reason, Verdict};
