//! A node with a local cache: what it may answer, and how soon it receives a revocation.

pub(crate) mod kit;

mod answers;
mod channel;
mod revocation;
mod window;
