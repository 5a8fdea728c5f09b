//! The URL of a store: its servers, and how to connect to each of them.

use std::fmt;

use redis::io::tcp::TcpSettings;
use redis::{
    Client, ConnectionAddr, ConnectionInfo, IntoConnectionInfo, ProtocolVersion, RedisConnectionInfo,
    RedisResult, TlsCertificates,
};
use token_core::StoreError;

/// The URL of a store. Shown without user and password.
#[derive(Clone)]
pub(crate) struct StoreUrl {
    pub(crate) kind: TopologyKind,
    /// The servers that the URL names: the server, sentinels, or nodes of a cluster.
    pub(crate) named: Vec<Address>,
    settings: RedisConnectionInfo,
    tls: Option<TlsCertificates>,
}

/// The kind of topology.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TopologyKind {
    /// One server.
    Server,
    /// One server at a time, which Sentinels name.
    Sentinel {
        /// The name of the service at the Sentinels.
        service: String,
    },
    /// A Redis Cluster.
    Cluster,
}

/// The address of one server.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Address {
    /// A host without brackets, and a port.
    Tcp(String, u16),
    /// A socket in the file system.
    Unix(std::path::PathBuf),
}

impl StoreUrl {
    /// Parses a store URL. The certificates are used if its scheme requires TLS.
    pub(crate) fn parse(text: &str, certificates: Option<TlsCertificates>) -> Result<Self, StoreError> {
        super::url::parse(text, certificates)
    }

    pub(super) fn new(kind: TopologyKind, named: Vec<Address>, settings: RedisConnectionInfo) -> Self {
        // No role permits CLIENT SETINFO: Redis 7.0 does not have it, and refuses an ACL file that names it.
        let settings = settings.set_protocol(ProtocolVersion::RESP3).set_skip_set_lib_name();
        Self { kind, named, settings, tls: None }
    }

    pub(super) fn set_tls(&mut self, certificates: TlsCertificates) {
        self.tls = Some(certificates);
    }

    /// How to connect to a server that keeps tokens.
    pub(crate) fn server(&self, address: &Address) -> RedisResult<ConnectionInfo> {
        self.connection(address, self.settings.clone())
    }

    /// How to connect to a server that shall push messages: this needs RESP3.
    pub(crate) fn listening_server(&self, address: &Address) -> RedisResult<ConnectionInfo> {
        self.connection(address, self.settings.clone().set_protocol(ProtocolVersion::RESP3))
    }

    /// How to connect to a Sentinel: without the user and the password of the servers.
    pub(crate) fn sentinel_server(&self, address: &Address) -> RedisResult<ConnectionInfo> {
        self.connection(address, RedisConnectionInfo::default().set_skip_set_lib_name())
    }

    /// The user that the URL names.
    pub(crate) fn user(&self) -> Option<&str> {
        self.settings.username()
    }

    /// The certificates, if the URL requires TLS.
    pub(crate) fn certificates(&self) -> Option<&TlsCertificates> {
        self.tls.as_ref()
    }

    fn connection(&self, address: &Address, settings: RedisConnectionInfo) -> RedisResult<ConnectionInfo> {
        let address = match (address.clone(), &self.tls) {
            (Address::Unix(path), _) => ConnectionAddr::Unix(path),
            (Address::Tcp(host, port), None) => ConnectionAddr::Tcp(host, port),
            (Address::Tcp(host, port), Some(_)) => {
                ConnectionAddr::TcpTls { host, port, insecure: false, tls_params: None }
            }
        };
        let info =
            address.into_connection_info()?.set_redis_settings(settings).set_tcp_settings(tcp_settings());
        match &self.tls {
            Some(certificates) => {
                Ok(Client::build_with_tls(info, certificates.clone())?.get_connection_info().clone())
            }
            None => Ok(info),
        }
    }
}

/// Sends small requests at once (`TCP_NODELAY`).
pub(crate) fn tcp_settings() -> TcpSettings {
    TcpSettings::default().set_nodelay(true)
}

impl fmt::Display for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let secure = if self.tls.is_some() { "s" } else { "" };
        match &self.kind {
            TopologyKind::Server => {}
            TopologyKind::Sentinel { .. } => write!(f, "redis{secure}-sentinel://")?,
            TopologyKind::Cluster => write!(f, "redis{secure}-cluster://")?,
        }
        for (n, address) in self.named.iter().enumerate() {
            match address {
                Address::Unix(path) => write!(f, "redis+unix://{}", path.display())?,
                Address::Tcp(..) if self.kind == TopologyKind::Server => {
                    write!(f, "redis{secure}://{address}")?
                }
                Address::Tcp(..) => write!(f, "{}{address}", if n == 0 { "" } else { "," })?,
            }
        }
        Ok(())
    }
}

impl fmt::Debug for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StoreUrl({self})")
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(host, port) if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Tcp(host, port) => write!(f, "{host}:{port}"),
            Self::Unix(path) => write!(f, "{}", path.display()),
        }
    }
}

impl Address {
    /// Whether the address is on this machine, so that no data leaves it.
    #[must_use]
    pub fn is_local(&self) -> bool {
        match self {
            Self::Unix(_) => true,
            Self::Tcp(host, _) => {
                host == "localhost" || host.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback())
            }
        }
    }

    /// Parses `HOST:PORT` as servers write it: an IPv6 address with or without brackets.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (host, port) = text.rsplit_once(':')?;
        let host = host.trim_start_matches('[').trim_end_matches(']');
        (!host.is_empty()).then_some(Self::Tcp(host.to_owned(), port.parse().ok()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tcp(host: &str, port: u16) -> Address {
        Address::Tcp(host.into(), port)
    }

    #[test]
    fn loopback_and_sockets_are_local_and_all_else_is_not() {
        for host in ["127.0.0.1", "127.9.9.9", "::1", "localhost"] {
            assert!(tcp(host, 1).is_local(), "{host}");
        }
        assert!(Address::Unix("/s".into()).is_local());
        for host in ["10.0.0.1", "redis", "localhost.example.org", "127.0.0.1.example.org", "::2"] {
            assert!(!tcp(host, 1).is_local(), "{host}");
        }
    }
}
