//! The ways to the servers.
//!
//! [`Shared`] is the connection that all validations share; [`Primaries`] hands out connections of one's own for
//! everything else. Both find the servers through a [`Target`] (what the URL says) and a `Topology` (what the servers
//! say).
//!
//! # Known bugs of the libraries, and where they are met
//!
//! | bug | upstream | met by |
//! |---|---|---|
//! | a slot refresh of the cluster client hangs for ever on tokio 1.54 | tokio#8371 changed what redis 1.8 relied on; no report known | the pin in `Cargo.toml`; the watchdog of [`Shared`] |
//! | the cluster client never looks for another server while calls time out | none known | the watchdog |
//! | it uses up its tries in no time while connections are refused or stale, and passes on redirections to nodes that are gone | redis-rs#2277 | `Shared::call` tries on until its caller's deadline |
//! | one hung node holds up a slot refresh for all | redis-rs#2092 | a response timeout, always |
//! | connecting to a cluster sometimes hangs | redis-rs#1953 | the deadline of every operation, and of every swap |
//! | deadpool-redis' managers for clusters and sentinels take no timeouts, certificates or TCP settings | deadpool#404, deadpool#452 | its manager for one server, for each primary: [`Primaries`] |
//! | the cluster client cannot be kept from CLIENT SETINFO | none known | `Quiet` |
//! | a pool keeps connections to a primary that was demoted | none known | [`Primaries`] drops the whole pool |

mod backoff;
mod members;
pub(crate) mod peer;
mod primaries;
mod quiet;
mod seldom;
mod shared;
mod target;
mod topology;
mod tries;
mod url;

pub(crate) use self::members::{Member, read_members};
pub(crate) use self::primaries::{Own, Primaries, Work};
pub(crate) use self::shared::{Shared, is_half_moved};
pub(crate) use self::target::{Address, Shape, Target};
pub(crate) use self::topology::{Home, Topology, open};
pub(crate) use self::tries::Tries;
