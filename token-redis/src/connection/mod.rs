//! The connections to the servers. They take commands and operations, and know no script.
//!
//! All operations reach the servers in the same way: [`StoreUrl`] (the URL) → [`Topology`] (which primary serves which slots,
//! as the servers report) → a connection to that primary. [`SharedConnections`] has one multiplexed connection to each primary
//! for all validations of a runtime; [`Pools`] has dedicated connections for everything else. Both use the same [`router`],
//! which follows redirections and looks for another primary.
//!
//! # Known bugs of the libraries, and how this avoids them
//!
//! | bug | upstream | avoided by |
//! |---|---|---|
//! | the cluster client hangs at a slot refresh on tokio 1.54, asks a silent server without a limit, passes on stale redirections, and sends CLIENT SETINFO, which no role permits | redis-rs#1953, #2092, #2277; else none known | it is not used |
//! | one server that hangs delays reading the topology for all callers | redis-rs#2092 | every wait has a limit; several servers are asked at a time |
//! | deadpool-redis' managers for clusters and sentinels take no timeouts, certificates or TCP settings | deadpool#404, deadpool#452 | [`Pools`] uses its manager for one server, once for each primary |
//! | a pool keeps connections to a primary that was demoted | none known | [`Pools`] drops the whole pool |

mod backoff;
mod limits;
mod link;
mod look;
mod members;
mod once_per_minute;
pub(crate) mod peer;
mod pool_state;
mod pools;
mod retries;
mod routed;
mod router;
mod shared;
mod slot_map;
mod store_url;
mod topology;
mod url;
mod watch;

pub(crate) use self::limits::Limits;
pub(crate) use self::look::open;
pub use self::members::{Member, read_members};
pub use self::pool_state::PoolState;
pub(crate) use self::pools::{DedicatedConnection, Pools};
pub(crate) use self::retries::Retries;
pub(crate) use self::routed::Operation;
pub(crate) use self::shared::SharedConnections;
pub(crate) use self::slot_map::{Primary, SlotMap};
pub(crate) use self::store_url::StoreUrl;
pub use self::store_url::{Address, TopologyKind};
pub(crate) use self::topology::Topology;
