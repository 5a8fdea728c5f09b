//! Store URLs: which servers, and how to speak to each of them.

use std::fmt;

use percent_encoding::percent_decode_str;
use redis::io::tcp::TcpSettings;
use redis::{
    Client, ConnectionAddr, ConnectionInfo, IntoConnectionInfo, ProtocolVersion, RedisConnectionInfo,
    RedisResult, TlsCertificates,
};
use token_core::{StoreError, StoreErrorKind};
use url::Url;

/// Where a store is. Shown without user and password.
#[derive(Clone)]
pub(crate) struct Target {
    pub(crate) shape: Shape,
    /// The servers that the URL names: the server, sentinels, or nodes of a cluster.
    pub(crate) named: Vec<Address>,
    settings: RedisConnectionInfo,
    tls: Option<TlsCertificates>,
}

/// How the servers belong together.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Shape {
    /// One server.
    Single,
    /// One server at a time, which sentinels name.
    Sentinel {
        /// What the sentinels call it.
        service: String,
    },
    /// A Redis Cluster.
    Cluster,
}

/// Where one server listens.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Address {
    /// A host without brackets, and a port.
    Tcp(String, u16),
    /// A socket in the file system.
    Unix(std::path::PathBuf),
}

const REDIS_PORT: u16 = 6379;
const SENTINEL_PORT: u16 = 26379;

impl Target {
    /// Reads a store URL. The certificates are used where its scheme asks for TLS.
    pub(crate) fn parse(text: &str, certificates: Option<TlsCertificates>) -> Result<Self, StoreError> {
        let (scheme, _) = text.split_once(':').ok_or_else(|| refuse("it has no scheme"))?;
        let (plain, tls) = match scheme.strip_prefix("rediss") {
            Some(rest) => (format!("redis{rest}"), true),
            None => (scheme.to_owned(), false),
        };
        let mut target = match (plain.as_str(), tls) {
            ("redis", _) | ("redis+unix", false) => Self::single(text),
            ("redis-cluster", _) => Self::cluster(text),
            ("redis-sentinel", _) => Self::sentinel(text),
            _ => Err(refuse(
                "its scheme is none of redis, rediss, redis+unix, redis-cluster, rediss-cluster, redis-sentinel and \
                 rediss-sentinel",
            )),
        }?;
        if tls {
            target.tls = Some(certificates.unwrap_or(TlsCertificates { client_tls: None, root_cert: None }));
        }
        Ok(target)
    }

    fn single(text: &str) -> Result<Self, StoreError> {
        let form = || refuse("write redis://[USER:PASSWORD@]HOST[:PORT][/DB] or redis+unix:///PATH");
        let info = text.into_connection_info().map_err(|error| form().caused_by(error))?;
        let address = match info.addr() {
            ConnectionAddr::Tcp(host, port) | ConnectionAddr::TcpTls { host, port, .. } => {
                Address::Tcp(host.clone(), *port)
            }
            ConnectionAddr::Unix(path) => Address::Unix(path.clone()),
            _ => return Err(form()),
        };
        Ok(Self::new(Shape::Single, vec![address], info.redis_settings().clone()))
    }

    fn cluster(text: &str) -> Result<Self, StoreError> {
        let form = || refuse("write redis-cluster://[USER:PASSWORD@]HOST:PORT?node=HOST:PORT&node=…");
        let url = Url::parse(text).map_err(|error| form().caused_by(error))?;
        if !matches!(url.path(), "" | "/") {
            return Err(refuse("a Redis Cluster has no numbered databases: leave the path out"));
        }
        let mut nodes = vec![host_and_port(&url, REDIS_PORT).ok_or_else(form)?];
        for (name, value) in url.query_pairs() {
            if name != "node" {
                return Err(refuse("the only parameter is node=HOST:PORT"));
            }
            nodes.push(listed(&value, REDIS_PORT).ok_or_else(form)?);
        }
        Ok(Self::new(Shape::Cluster, nodes, credentials(&url).ok_or_else(form)?))
    }

    /// Several sentinels stand separated by commas, which no URL parser takes: the first one goes through the parser
    /// with the rest of the URL, the others by themselves.
    fn sentinel(text: &str) -> Result<Self, StoreError> {
        let form = || {
            refuse(
                "write redis-sentinel://[USER:PASSWORD@]HOST:PORT[,HOST:PORT…]/DB?sentinelServiceName=NAME",
            )
        };
        let (scheme, rest) = text.split_once("://").ok_or_else(form)?;
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, tail) = rest.split_at(end);
        let (user, hosts) = authority.rsplit_once('@').map_or(("", authority), |(user, hosts)| (user, hosts));
        let mut hosts = hosts.split(',');
        let at = if user.is_empty() { String::new() } else { format!("{user}@") };
        let url = format!("{scheme}://{at}{}{tail}", hosts.next().ok_or_else(form)?);
        let url = Url::parse(&url).map_err(|error| form().caused_by(error))?;

        let mut sentinels = vec![host_and_port(&url, SENTINEL_PORT).ok_or_else(form)?];
        for host in hosts {
            sentinels.push(listed(host, SENTINEL_PORT).ok_or_else(form)?);
        }
        let service = match url.query_pairs().collect::<Vec<_>>().as_slice() {
            [(name, service)] if name == "sentinelServiceName" && !service.is_empty() => service.to_string(),
            _ => return Err(refuse("the only parameter, which is needed, is sentinelServiceName=NAME")),
        };
        let database = match url.path().trim_start_matches('/') {
            "" => 0,
            number => number.parse().map_err(|_| form())?,
        };
        let settings = credentials(&url).ok_or_else(form)?.set_db(database);
        Ok(Self::new(Shape::Sentinel { service }, sentinels, settings))
    }

    fn new(shape: Shape, named: Vec<Address>, settings: RedisConnectionInfo) -> Self {
        Self { shape, named, settings: settings.set_protocol(ProtocolVersion::RESP3), tls: None }
    }

    /// How to connect to a server that keeps tokens.
    pub(crate) fn server(&self, address: &Address) -> RedisResult<ConnectionInfo> {
        self.connection(address, self.settings.clone())
    }

    /// How to connect to a server that is to tell things of its own accord: it can do that in RESP3.
    pub(crate) fn listening_server(&self, address: &Address) -> RedisResult<ConnectionInfo> {
        self.connection(address, self.settings.clone().set_protocol(ProtocolVersion::RESP3))
    }

    /// How to connect to a sentinel: without the user and the password of the servers.
    pub(crate) fn sentinel_server(&self, address: &Address) -> RedisResult<ConnectionInfo> {
        self.connection(address, RedisConnectionInfo::default())
    }

    /// The user that the URL names.
    pub(crate) fn user(&self) -> Option<&str> {
        self.settings.username()
    }

    /// The certificates, where the URL asks for TLS.
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

/// Small requests go out at once instead of waiting to be joined.
pub(crate) fn tcp_settings() -> TcpSettings {
    TcpSettings::default().set_nodelay(true)
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let secure = if self.tls.is_some() { "s" } else { "" };
        match &self.shape {
            Shape::Single => {}
            Shape::Sentinel { .. } => write!(f, "redis{secure}-sentinel://")?,
            Shape::Cluster => write!(f, "redis{secure}-cluster://")?,
        }
        for (n, address) in self.named.iter().enumerate() {
            match address {
                Address::Unix(path) => write!(f, "redis+unix://{}", path.display())?,
                Address::Tcp(..) if self.shape == Shape::Single => write!(f, "redis{secure}://{address}")?,
                Address::Tcp(..) => write!(f, "{}{address}", if n == 0 { "" } else { "," })?,
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Target({self})")
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
    /// Whether nothing that is sent there leaves this machine.
    pub(crate) fn is_local(&self) -> bool {
        match self {
            Self::Unix(_) => true,
            Self::Tcp(host, _) => {
                host == "localhost" || host.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback())
            }
        }
    }

    /// Reads `HOST:PORT`, as servers write it: an IPv6 address has brackets or not.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (host, port) = text.rsplit_once(':')?;
        let host = host.trim_start_matches('[').trim_end_matches(']');
        (!host.is_empty()).then_some(Self::Tcp(host.to_owned(), port.parse().ok()?))
    }
}

/// Reads `HOST[:PORT]` of a list.
fn listed(text: &str, default_port: u16) -> Option<Address> {
    let url = Url::parse(&format!("redis-node://{text}")).ok()?;
    // One user for all nodes, given once in front: what stands here would be overlooked.
    (url.username().is_empty() && url.password().is_none()).then(|| host_and_port(&url, default_port))?
}

fn host_and_port(url: &Url, default_port: u16) -> Option<Address> {
    // An IPv6 address stands in brackets in a URL and without them everywhere else.
    let host = url.host_str()?.trim_start_matches('[').trim_end_matches(']');
    let host = decode(host).filter(|host| !host.is_empty())?;
    Some(Address::Tcp(host, url.port().unwrap_or(default_port)))
}

fn credentials(url: &Url) -> Option<RedisConnectionInfo> {
    let mut settings = RedisConnectionInfo::default();
    if !url.username().is_empty() {
        settings = settings.set_username(decode(url.username())?);
    }
    if let Some(password) = url.password() {
        settings = settings.set_password(decode(password)?);
    }
    Some(settings)
}

fn decode(text: &str) -> Option<String> {
    percent_decode_str(text).decode_utf8().ok().map(Into::into)
}

/// The URL itself is not repeated: it may hold a password.
fn refuse(problem: &str) -> StoreError {
    StoreError::new(StoreErrorKind::Misconfigured, format!("cannot use this store URL: {problem}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Target {
        Target::parse(text, None).unwrap()
    }

    fn tcp(host: &str, port: u16) -> Address {
        Address::Tcp(host.into(), port)
    }

    #[test]
    fn a_cluster_url_names_all_its_nodes_and_one_user_for_them() {
        let url = "redis-cluster://u%40x:p%3A%2F@127.0.0.1:7000?node=127.0.0.1:7001&node=[::1]:7002&node=h";
        let target = parse(url);
        assert_eq!(
            target.named,
            [tcp("127.0.0.1", 7000), tcp("127.0.0.1", 7001), tcp("::1", 7002), tcp("h", 6379)]
        );
        for node in &target.named {
            let info = target.server(node).unwrap();
            assert_eq!(info.redis_settings().username(), Some("u@x"));
            assert_eq!(info.redis_settings().password(), Some("p:/"));
            assert!(info.tcp_settings().nodelay());
        }
    }

    #[test]
    fn a_sentinel_url_names_the_sentinels_the_service_and_the_database() {
        let target = parse("redis-sentinel://me:pw@s1:26380,s2,[::1]:1/3?sentinelServiceName=tokens");
        assert_eq!(target.named, [tcp("s1", 26380), tcp("s2", 26379), tcp("::1", 1)]);
        assert!(matches!(&target.shape, Shape::Sentinel { service } if service == "tokens"));
        let server = target.server(&tcp("primary", 6379)).unwrap();
        assert_eq!((server.redis_settings().db(), server.redis_settings().password()), (3, Some("pw")));
        let sentinel = target.sentinel_server(&target.named[0]).unwrap();
        assert_eq!((sentinel.redis_settings().db(), sentinel.redis_settings().password()), (0, None));
    }

    #[test]
    fn tls_is_asked_for_by_the_scheme_alone() {
        for (url, secure) in [
            ("redis://h", false),
            ("rediss://h", true),
            ("redis-cluster://h:1", false),
            ("rediss-cluster://h:1", true),
            ("rediss-sentinel://h/0?sentinelServiceName=x", true),
        ] {
            assert_eq!(parse(url).certificates().is_some(), secure, "{url}");
        }
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

    #[test]
    fn a_target_is_shown_without_user_and_password() {
        for (url, shown) in [
            ("redis://me:hidden@cache:6380/2", "redis://cache:6380"),
            ("rediss://me:hidden@cache", "rediss://cache:6379"),
            ("redis+unix:///run/redis.sock?pass=hidden", "redis+unix:///run/redis.sock"),
            ("redis-cluster://me:hidden@a:1?node=b:2", "redis-cluster://a:1,b:2"),
            (
                "redis-sentinel://me:hidden@a:1,[::1]:2/0?sentinelServiceName=t",
                "redis-sentinel://a:1,[::1]:2",
            ),
        ] {
            let target = parse(url);
            assert_eq!(target.to_string(), shown);
            assert_eq!(format!("{target:?}"), format!("Target({shown})"));
        }
    }

    #[test]
    fn a_wrong_url_is_refused_without_repeating_it() {
        for url in [
            "",
            "hidden",
            "http://hidden:6379",
            "redis://hidden:port",
            "rediss+unix:///hidden",
            "redis-cluster://",
            "redis-cluster://hidden:1/2",
            "redis-cluster://hidden:1?nodes=b:1",
            "redis-cluster://hidden:1?node=",
            "redis-cluster://h:1?node=:hidden@h:2",
            "redis-sentinel://hidden/0",
            "redis-sentinel://hidden/x?sentinelServiceName=t",
            "redis-sentinel://hidden,/0?sentinelServiceName=t",
        ] {
            let error = Target::parse(url, None).unwrap_err();
            assert_eq!(error.kind(), StoreErrorKind::Misconfigured, "{url}");
            assert!(!error.to_string().contains("hidden"), "{error}");
        }
    }
}
