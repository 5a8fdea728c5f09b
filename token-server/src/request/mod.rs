//! What is known of a request: its client, what it says of itself, what its proxy requires, and what is noted of it.

pub(crate) mod client;
pub(crate) mod declared;
pub(crate) mod misspelled;
pub(crate) mod notes;
pub(crate) mod requirements;
