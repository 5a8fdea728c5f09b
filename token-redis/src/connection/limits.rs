//! Limits on the parts of an operation.

use std::time::Duration;

/// The limits of all connections of one store.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Connecting to one server.
    pub(crate) connect: Duration,
    /// One reply over a shared connection.
    pub(crate) response: Duration,
    /// One operation over a dedicated connection.
    pub(crate) operation: Duration,
    /// The maximum number of dedicated connections to each server.
    pub(crate) pool_size: usize,
}
