//! A node that answers from its local cache: what it may answer, and how soon it hears of a revocation.

pub(crate) mod kit;

mod answers;
mod channel;
mod revocation;
mod window;
