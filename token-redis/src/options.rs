//! The options of a store.

use std::time::Duration;

use token_core::{ConfirmationLevel, Span, Tombstone};

use crate::cache::LocalCache;
use crate::connection::Limits;
use crate::keys::Namespace;
use crate::tls::Tls;

/// The options of a [`RedisStore`](crate::RedisStore). All waits are bounded; the defaults are short.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Options {
    /// The prefix of every key, so that several deployments can share one Redis. Default `tok`.
    pub namespace: Namespace,
    /// How long one validation may take, including reconnections and redirections. Default 1 s.
    pub validate_deadline: Duration,
    /// How long any other operation may take. Default 5 s.
    pub deadline: Duration,
    /// How long connecting to one node may take. Default 500 ms.
    pub connect_timeout: Duration,
    /// How long one node may take to answer one command before the call goes elsewhere or fails. Default 500 ms.
    pub response_timeout: Duration,
    /// The maximum number of dedicated connections to each server, for issue, list, revoke and prune. Default 8.
    pub pool_size: usize,
    /// The level that a change must reach to be confirmed. Default `None`: replicated if the topology (the map of a cluster, or
    /// Sentinels) lists replicas, else local.
    pub confirm: Option<ConfirmationLevel>,
    /// How long to wait for a confirmation before the change is reported as not confirmed. Default 2 s, because a server that
    /// syncs each second takes a little more than one. It must be shorter than `deadline`, which ends the wait, too: see
    /// [`Options::confirm_within`].
    pub confirm_timeout: Duration,
    /// The local cache of this node. Default `None`: the node asks the store at each validation.
    pub local_cache: Option<LocalCache>,
    /// Certificates for URLs that require TLS.
    pub tls: Tls,
    /// How long to keep the tombstone of a revoked token. Default [`Tombstone::RETENTION`].
    pub tombstone_retention: Span,
    /// Whether the first issue writes a check value of the issuing key into the store, and refuses if there is one of another
    /// key. Default `true`; `false` is for tests and measurements that must leave nothing in the store.
    pub note_keys: bool,
}

impl Options {
    /// Waits this long for confirmations, with a deadline for changes that does not cut the wait short.
    pub fn confirm_within(&mut self, patience: Duration) {
        const WORK: Duration = Duration::from_secs(3);
        self.confirm_timeout = patience;
        self.deadline = self.deadline.max(patience.saturating_add(WORK));
    }

    pub(crate) fn limits(&self) -> Limits {
        Limits {
            connect: self.connect_timeout,
            // A call is sent at most twice before its deadline is checked: see `SharedConnections::on_primary`.
            response: self.response_timeout.min(self.validate_deadline / 2),
            operation: self.deadline,
            pool_size: self.pool_size,
        }
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            namespace: Namespace::default(),
            validate_deadline: Duration::from_secs(1),
            deadline: Duration::from_secs(5),
            connect_timeout: Duration::from_millis(500),
            response_timeout: Duration::from_millis(500),
            pool_size: 8,
            confirm: None,
            confirm_timeout: Duration::from_secs(2),
            local_cache: None,
            tls: Tls::default(),
            tombstone_retention: Tombstone::RETENTION,
            note_keys: true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_longer_patience_is_never_cut_by_the_deadline() {
        for seconds in [1, 2, 4, 5, 60] {
            let mut options = Options::default();
            options.confirm_within(Duration::from_secs(seconds));
            assert!(options.confirm_timeout < options.deadline, "{seconds}");
        }
    }
}
