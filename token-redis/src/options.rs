//! How a store behaves.

use std::time::Duration;

use token_core::{ConfirmationLevel, Span, Tombstone};

use crate::cache::LocalCache;
use crate::connection::Limits;
use crate::keys::Namespace;
use crate::tls::Tls;

/// How a [`RedisStore`](crate::RedisStore) behaves. All waits are bounded; the defaults are short.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Options {
    /// What every key starts with: several deployments can share one Redis. Default `tok`.
    pub namespace: Namespace,
    /// How long one validation may take, reconnecting and redirections included. Default 1 s.
    pub validate_deadline: Duration,
    /// How long any other operation may take. Default 5 s.
    pub deadline: Duration,
    /// How long connecting to one node may take. Default 500 ms.
    pub connect_timeout: Duration,
    /// How long one node may take to answer one command before the call goes elsewhere or fails. Default 500 ms.
    pub response_timeout: Duration,
    /// How many connections of their own issue, list, revoke and prune use at most, to each
    /// server. Default 8.
    pub pool_size: usize,
    /// How far a change must have gone to count as confirmed. Default `None`: replicated where the topology (the map of
    /// a cluster, or sentinels) lists replicas, else local.
    pub confirm: Option<ConfirmationLevel>,
    /// How long to wait for a confirmation before the change is reported as not confirmed. Default 2 s: a
    /// server that syncs each second takes a little more than one. Must be shorter than `deadline`, which ends the wait too:
    /// see [`Options::confirm_within`].
    pub confirm_timeout: Duration,
    /// What a node may answer without asking. Default `None`: it asks at each validation.
    pub local_cache: Option<LocalCache>,
    /// Certificates for the URLs that ask for TLS.
    pub tls: Tls,
    /// How long a revoked token can be explained. Default [`Tombstone::RETENTION`].
    pub tombstone_retention: Span,
    /// Whether the first issue notes a check value of the issuing key in the store, and refuses if another key is noted.
    /// Default `true`; `false` is for tokens that leave nothing behind.
    pub note_keys: bool,
}

impl Options {
    /// Waits so long for confirmations, and gives changes a deadline that does not cut the wait.
    pub fn confirm_within(&mut self, patience: Duration) {
        const WORK: Duration = Duration::from_secs(3);
        self.confirm_timeout = patience;
        self.deadline = self.deadline.max(patience.saturating_add(WORK));
    }

    pub(crate) fn limits(&self) -> Limits {
        Limits {
            connect: self.connect_timeout,
            // A call is sent twice at most before its deadline is looked at: see `SharedConnections::on_primary`.
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
