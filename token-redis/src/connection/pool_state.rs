//! The state of the pools, for monitoring.

/// The state of the pool of connections to one server at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PoolState {
    /// The server: `HOST:PORT`, or the path of its socket.
    pub server: String,
    /// How many connections there are.
    pub size: usize,
    /// How many of them are idle.
    pub available: usize,
    /// How many operations wait for a connection.
    pub waiting: usize,
    /// The maximum number of connections.
    pub max: usize,
}
