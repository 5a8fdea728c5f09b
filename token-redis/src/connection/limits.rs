//! How long the parts of an operation may take.

use std::time::Duration;

/// The limits of all connections of one store.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Connecting to one server.
    pub(crate) connect: Duration,
    /// One answer over a shared connection.
    pub(crate) response: Duration,
    /// One operation over a connection of its own.
    pub(crate) operation: Duration,
    /// How many connections of their own there may be to each server.
    pub(crate) pool_size: usize,
}
