//! Connections: where they come to, which core answers them, and their limits.

mod activity;
pub(crate) mod bind;
pub(crate) mod connection;
pub(crate) mod cores;
mod heads;
pub(crate) mod listen;
pub(crate) mod overlap;
pub(crate) mod passed;
pub(crate) mod protocol;
mod refusals;
pub(crate) mod signals;
mod socket_file;
pub(crate) mod stop;
mod unread;
mod wire;
