//! The ways to the servers.
//!
//! [`Shared`] is the connection that all validations share; [`Primaries`] hands out connections of one's own for
//! everything else. Both find the servers through a [`Target`] (what the URL says) and a `Topology` (what the servers
//! say).

mod members;
mod primaries;
mod shared;
mod target;
mod topology;

pub(crate) use self::members::{Member, read_members};
pub(crate) use self::primaries::{Own, Primaries, Work};
pub(crate) use self::shared::Shared;
pub(crate) use self::target::{Address, Shape, Target};
pub(crate) use self::topology::{Home, open};
