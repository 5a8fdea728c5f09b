//! How a store behaves.

use std::fmt;
use std::time::Duration;

use redis::{ClientTlsConfig, TlsCertificates};
use token_core::{ConfirmationLevel, Span, Tombstone};

use crate::keys::Namespace;

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
    /// How long to wait for a confirmation before the change is reported as not confirmed. Default 1 s.
    pub confirm_timeout: Duration,
    /// Certificates for the URLs that ask for TLS.
    pub tls: Tls,
    /// How long a revoked token can be explained. Default [`Tombstone::RETENTION`].
    pub tombstone_retention: Span,
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
            confirm_timeout: Duration::from_secs(1),
            tls: Tls::default(),
            tombstone_retention: Tombstone::RETENTION,
        }
    }
}

/// What a URL that asks for TLS (`rediss://`, `rediss-cluster://`, `rediss-sentinel://`) is met with. Names and dates of
/// certificates are always verified.
#[derive(Clone, Default)]
pub struct Tls {
    /// The certificates of the authorities to trust, in PEM, instead of the public ones.
    pub authorities: Option<Vec<u8>>,
    /// Our own certificate and its private key, in PEM, for servers that demand one.
    pub client: Option<(Vec<u8>, Vec<u8>)>,
}

/// Shows whether there are certificates, and none of them.
impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls")
            .field("authorities", &self.authorities.is_some())
            .field("client", &self.client.is_some())
            .finish()
    }
}

impl Tls {
    pub(crate) fn certificates(&self) -> TlsCertificates {
        let client_tls =
            self.client.clone().map(|(client_cert, client_key)| ClientTlsConfig { client_cert, client_key });
        TlsCertificates { client_tls, root_cert: self.authorities.clone() }
    }
}
