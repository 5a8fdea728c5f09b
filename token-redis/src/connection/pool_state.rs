//! The state of the pools, for monitoring.

/// A pool of connections to one server, as it was at the moment of asking.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PoolState {
    /// The server: `HOST:PORT`, or the path of its socket.
    pub server: String,
    /// How many connections there are.
    pub size: usize,
    /// How many of them nobody uses just now.
    pub available: usize,
    /// How many operations wait for one.
    pub waiting: usize,
    /// How many connections there may be.
    pub max: usize,
}
