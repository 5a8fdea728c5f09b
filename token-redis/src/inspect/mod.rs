//! Raw access to the servers of a store, for programs that examine a deployment.
//!
//! [`Deployment`] is what the store URL says. It connects to one server at a time, whatever the topology says of that
//! server, and opens no store. [`Session`] sends single commands, and [`Layout`] names the keys that a store uses. What
//! fails is an [`InspectError`], whose text follows the name of the server.
//!
//! ```no_run
//! use token_redis::Options;
//! use token_redis::inspect::Deployment;
//!
//! # async fn look() -> Result<(), Box<dyn std::error::Error>> {
//! let deployment = Deployment::new("redis://127.0.0.1:6379", &Options::default())?;
//! for address in deployment.named() {
//!     let mut session = deployment.connect(address).await?;
//!     println!("{address}: {}", session.text(&["INFO", "server"]).await?);
//! }
//! # Ok(())
//! # }
//! ```

mod deployment;
mod error;
mod layout;
mod session;

pub use self::deployment::Deployment;
pub use self::error::{InspectError, InspectErrorKind};
pub use self::layout::Layout;
pub use self::session::{Session, Validated};
pub use crate::connection::{Address, Member, TopologyKind, read_members};
use crate::disk::Version;

/// Whether a server answers WAITAOF before its disk has the change, if `appendfsync` is `everysec` (redis/redis#13793).
/// `field` reads a field of `INFO`. `None` if the fields name no version.
pub fn answers_waitaof_early<'a>(field: impl Fn(&str) -> Option<&'a str>) -> Option<bool> {
    Version::of(field).map(Version::answers_early)
}
