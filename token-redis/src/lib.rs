//! A token store on Redis (7.0 or later) or Valkey: one server, a server that Sentinels name, or a Redis Cluster.
//!
//! Every transition is one atomic script in `lua/`. A validation is one command on keys of one slot, including renewal, cap,
//! subject and scopes. The server's clock is the only clock.
//!
//! ```no_run
//! use std::sync::Arc;
//! use token_core::{Access, IssueRequest, KeyRing, Lifetime, Prefix, Requirement, TokenService};
//! use token_redis::{Options, RedisStore};
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let keys = Arc::new(KeyRing::parse(&std::fs::read_to_string("store.keys")?)?);
//! let store = RedisStore::connect("redis://127.0.0.1:6379", keys, Options::default()).await?;
//! let tokens = TokenService::new(store, Prefix::default());
//!
//! let request = IssueRequest::new("admin".parse()?, Access::Full, Lifetime::sliding("10m".parse()?));
//! let issued = tokens.issue(&request).await?;
//! let verdict = tokens.validate(issued.token.expose_secret(), &Requirement::any()).await?;
//! assert!(verdict.grant().is_some());
//! # Ok(())
//! # }
//! ```
//!
//! # Connections
//!
//! Validations share one multiplexed connection to each primary. It is replaced when it is lost, when calls on it keep
//! failing, or when another server becomes the primary; [`RedisStore::connection_swaps`] counts the replacements, and a
//! warning is logged. Issue, list, revoke and prune take a dedicated connection from a pool at the primary of the slot
//! ([`RedisStore::pools`] returns the state of the pools). Every operation ends by a deadline ([`Options`]); if it fails, its
//! [`StoreError`](token_core::StoreError) says whether trying again can help. Scripts are called by hash, and sent in full to
//! a node that does not have them, so a restart, a failover or `SCRIPT FLUSH` causes no error. Every script is idempotent by
//! its arguments: a retry inside the client library makes no change twice.
//!
//! # Many nodes, many validations
//!
//! The busier a node, the less a validation costs: while two calls are under way, up to 64 validations share the next call,
//! and identical ones share a place in it (in a cluster, those of one primary are sent together). No answer is older than its
//! request. A process with a runtime on each core opens a store once, and calls [`RedisStore::on_this_runtime`] on each
//! runtime: then all validations of one runtime share calls, including the first ones. `validate_many` validates up to 64
//! tokens with one command. With a [`LocalCache`] a node answers uses from memory for a while, receives revocations at once,
//! and asks the store again as soon as it cannot receive them:
//!
//! ```no_run
//! # async fn open(keys: std::sync::Arc<token_core::KeyRing>) -> Result<(), token_core::StoreError> {
//! use token_redis::{LocalCache, RedisStore};
//!
//! let store = RedisStore::builder().local_cache(LocalCache::default()).connect("redis://127.0.0.1:6379", keys).await?;
//! # Ok(())
//! # }
//! ```
//!
//! # Confirmation
//!
//! If the topology lists replicas, issue and revoke wait until every one of them has the change ([`Options::confirm`]), and
//! report whether this succeeded ([`Confirmation`](token_core::Confirmation)). An unconfirmed change is made, but one failure
//! may undo it: repeat it. Every revocation writes, also a repeated one, so the confirmation of a repeat is as reliable as
//! that of the first.

mod cache;
mod confirm;
mod connection;
mod disk;
pub mod inspect;
mod key_checks;
mod keys;
mod opening;
mod operation_context;
mod options;
mod prune;
mod script;
mod store;
mod tls;
mod trouble;
mod validate;

pub use cache::{CacheStatus, LocalCache};
pub use connection::PoolState;
pub use keys::{Namespace, NamespaceError};
pub use options::Options;
pub use script::validate_script;
pub use store::{Builder, RedisStore};
pub use tls::{Tls, is_encrypted_key};
