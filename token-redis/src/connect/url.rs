//! Store URLs.

use std::fmt;

use percent_encoding::percent_decode_str;
use redis::io::tcp::TcpSettings;
use redis::{ConnectionAddr, ConnectionInfo, IntoConnectionInfo, ProtocolVersion, RedisConnectionInfo};
use token_core::{StoreError, StoreErrorKind};
use url::Url;

/// Where a store is. Shown without user and password.
#[derive(Clone)]
pub(crate) struct Target {
    pub(crate) endpoint: Endpoint,
    shown: String,
}

#[derive(Clone)]
pub(crate) enum Endpoint {
    /// One server.
    Single(ConnectionInfo),
    /// A Redis Cluster, by some of its nodes.
    Cluster(Vec<ConnectionInfo>),
}

const DEFAULT_PORT: u16 = 6379;

impl Target {
    /// Reads `redis://`, `redis+unix:` or `redis-cluster://`.
    pub(crate) fn parse(text: &str) -> Result<Self, StoreError> {
        let (scheme, _) = text.split_once(':').ok_or_else(|| refuse("it has no scheme"))?;
        match scheme {
            "redis" | "redis+unix" => Self::single(text),
            "redis-cluster" => Self::cluster(text),
            "rediss" | "rediss-cluster" => Err(refuse("TLS is not supported in this version")),
            "redis-sentinel" => Err(refuse("Sentinel is not supported in this version")),
            _ => Err(refuse("its scheme is none of redis, redis+unix and redis-cluster")),
        }
    }

    fn single(text: &str) -> Result<Self, StoreError> {
        let info = text.into_connection_info().map_err(|error| {
            refuse("write redis://[USER:PASSWORD@]HOST[:PORT][/DB] or redis+unix:///PATH").caused_by(error)
        })?;
        let shown = match info.addr() {
            ConnectionAddr::Unix(path) => format!("redis+unix://{}", path.display()),
            address => format!("redis://{address}"),
        };
        let settings = info.redis_settings().clone();
        Ok(Self { endpoint: Endpoint::Single(prepare(info, settings)), shown })
    }

    fn cluster(text: &str) -> Result<Self, StoreError> {
        let form = || refuse("write redis-cluster://[USER:PASSWORD@]HOST:PORT?node=HOST:PORT&node=…");
        let url = Url::parse(text).map_err(|error| form().caused_by(error))?;
        if !matches!(url.path(), "" | "/") {
            return Err(refuse("a Redis Cluster has no numbered databases: leave the path out"));
        }
        let mut settings = RedisConnectionInfo::default();
        if !url.username().is_empty() {
            settings = settings.set_username(decode(url.username()).ok_or_else(form)?);
        }
        if let Some(password) = url.password() {
            settings = settings.set_password(decode(password).ok_or_else(form)?);
        }

        let mut nodes = vec![address(&url).ok_or_else(form)?];
        for (name, value) in url.query_pairs() {
            if name != "node" {
                return Err(refuse("the only parameter is node=HOST:PORT"));
            }
            let node =
                Url::parse(&format!("redis-cluster://{value}")).map_err(|error| form().caused_by(error))?;
            nodes.push(address(&node).ok_or_else(form)?);
        }
        let shown = format!(
            "redis-cluster://{}",
            nodes.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
        );
        let nodes = nodes.into_iter().filter_map(|address| address.into_connection_info().ok());
        let nodes = nodes.map(|info| prepare(info, settings.clone())).collect();
        Ok(Self { endpoint: Endpoint::Cluster(nodes), shown })
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Target({self})")
    }
}

/// What every connection gets, whatever its URL says. RESP3 notices at once when a connection is closed.
fn prepare(info: ConnectionInfo, settings: RedisConnectionInfo) -> ConnectionInfo {
    info.set_tcp_settings(tcp_settings()).set_redis_settings(settings.set_protocol(ProtocolVersion::RESP3))
}

/// Small requests go out at once instead of waiting to be joined.
pub(crate) fn tcp_settings() -> TcpSettings {
    TcpSettings::default().set_nodelay(true)
}

fn address(url: &Url) -> Option<ConnectionAddr> {
    // An IPv6 address stands in brackets in a URL and without them everywhere else.
    let host = url.host_str()?.trim_start_matches('[').trim_end_matches(']');
    let host = decode(host).filter(|host| !host.is_empty())?;
    Some(ConnectionAddr::Tcp(host, url.port().unwrap_or(DEFAULT_PORT)))
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

    fn cluster(text: &str) -> Vec<ConnectionInfo> {
        match Target::parse(text).unwrap().endpoint {
            Endpoint::Cluster(nodes) => nodes,
            Endpoint::Single(_) => panic!("{text} is a cluster"),
        }
    }

    #[test]
    fn a_cluster_url_names_all_its_nodes_and_one_user_for_them() {
        let nodes = cluster(
            "redis-cluster://u%40x:p%3A%2F@127.0.0.1:7000?node=127.0.0.1:7001&node=[::1]:7002&node=h",
        );
        let addresses: Vec<_> = nodes.iter().map(|node| node.addr().clone()).collect();
        let tcp = |host: &str, port| ConnectionAddr::Tcp(host.into(), port);
        assert_eq!(
            addresses,
            [tcp("127.0.0.1", 7000), tcp("127.0.0.1", 7001), tcp("::1", 7002), tcp("h", 6379)]
        );
        for node in &nodes {
            assert_eq!(node.redis_settings().username(), Some("u@x"));
            assert_eq!(node.redis_settings().password(), Some("p:/"));
            assert!(node.tcp_settings().nodelay());
        }
    }

    #[test]
    fn a_target_is_shown_without_user_and_password() {
        for (url, shown) in [
            ("redis://me:hidden@cache:6380/2", "redis://cache:6380"),
            ("redis+unix:///run/redis.sock?pass=hidden", "redis+unix:///run/redis.sock"),
            ("redis-cluster://me:hidden@a:1?node=b:2", "redis-cluster://a:1,b:2"),
        ] {
            let target = Target::parse(url).unwrap();
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
            "redis-cluster://",
            "redis-cluster://hidden:1/2",
            "redis-cluster://hidden:1?nodes=b:1",
            "redis-cluster://hidden:1?node=",
            "rediss://hidden",
            "redis-sentinel://hidden/0",
        ] {
            let error = Target::parse(url).unwrap_err();
            assert_eq!(error.kind(), StoreErrorKind::Misconfigured, "{url}");
            assert!(!error.to_string().contains("hidden"), "{error}");
        }
    }
}
