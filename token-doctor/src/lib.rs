//! Examines deployments of a token store: whether tokens are safe in them.
//!
//! An examination opens no store, and changes nothing. It works while a deployment is degraded: what cannot be asked is a
//! [`Finding`] like any other.
//!
//! ```no_run
//! use token_doctor::{FindingStatus, redis};
//! use token_redis::Options;
//!
//! # async fn look() -> Result<(), token_core::StoreError> {
//! let findings = redis::examine("redis://127.0.0.1:6379", &Options::default(), None, None).await?;
//! for finding in findings.iter().filter(|finding| finding.status == FindingStatus::Failure) {
//!     println!("{}: {} ({})", finding.check, finding.found, finding.why);
//! }
//! # Ok(())
//! # }
//! ```

mod finding;
pub mod redis;
pub mod sqlite;

pub use self::finding::{Check, Finding, FindingStatus};
