//! The names that a store uses in Redis.

use crate::keys::Namespace;

/// The names of keys and channels that a store uses in a namespace.
#[derive(Debug, Clone, Copy)]
pub struct Layout<'a>(&'a Namespace);

impl<'a> Layout<'a> {
    /// The names in this namespace.
    #[must_use]
    pub fn new(namespace: &'a Namespace) -> Self {
        Self(namespace)
    }

    /// A key that no token has, in a slot that `is_wanted`. `None` if no partition has such a slot.
    pub fn unused_key(&self, is_wanted: impl Fn(u16) -> bool) -> Option<String> {
        self.0.nobody(is_wanted)
    }

    /// A key of each kind.
    #[must_use]
    pub fn key_examples(&self) -> Vec<String> {
        self.0.examples()
    }

    /// The channel on which revocations are published.
    #[must_use]
    pub fn revocation_channel(&self) -> String {
        self.0.revocations()
    }

    /// The slot of the check values of the store keys, in a cluster.
    #[must_use]
    pub fn slot_of_key_checks() -> u16 {
        Namespace::slot_of_key_checks()
    }
}
