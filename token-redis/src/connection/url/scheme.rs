//! The schemes of store URLs: ours, and those of other clients.

use token_core::StoreError;

use super::refuse;

/// The meaning of a scheme.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Scheme {
    pub(super) kind: Kind,
    /// It requires TLS.
    pub(super) tls: bool,
}

/// How the URL names the servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// One server, by host and port.
    Server,
    /// One server, by its socket in the file system.
    Socket,
    /// A Redis Cluster, by some of its nodes.
    Cluster,
    /// One server at a time, by its Sentinels.
    Sentinel,
}

impl Scheme {
    /// The scheme of a URL.
    pub(super) fn of(text: &str) -> Result<Self, StoreError> {
        if text.starts_with(QUOTATION_MARKS) {
            return Err(refuse(
                "it begins with a quotation mark: leave the marks out (files of variables, as docker --env-file reads \
                 them, take them for a part of the value)",
            ));
        }
        let (scheme, rest) = text.split_once(':').ok_or_else(|| refuse(NONE))?;
        let scheme = scheme.to_ascii_lowercase();
        if let Some(scheme) = Self::named(&scheme) {
            return Ok(scheme);
        }
        Err(refuse(match scheme.as_str() {
            "rediss+unix" | "valkeys+unix" | "rediss+socket" | "rediss-socket" => {
                "a socket in the file system takes no TLS: write redis+unix:///PATH"
            }
            "tls" | "ssl" | "https" => "write rediss://HOST:PORT for TLS",
            "tcp" | "http" => "write redis://HOST:PORT, or rediss://HOST:PORT for TLS",
            "file" | "sqlite3" => UNKNOWN,
            _ if !rest.starts_with("//") => NONE,
            _ => UNKNOWN,
        }))
    }

    /// How we write it.
    pub(super) fn name(self) -> &'static str {
        match (self.kind, self.tls) {
            (Kind::Server, false) => "redis",
            (Kind::Server, true) => "rediss",
            (Kind::Socket, _) => "redis+unix",
            (Kind::Cluster, false) => "redis-cluster",
            (Kind::Cluster, true) => "rediss-cluster",
            (Kind::Sentinel, false) => "redis-sentinel",
            (Kind::Sentinel, true) => "rediss-sentinel",
        }
    }

    /// What stands behind the name in a URL with a database.
    pub(super) fn with_a_database(self) -> &'static str {
        match self.kind {
            Kind::Server => "://HOST:PORT/0",
            Kind::Socket => ":///PATH?db=0",
            // It has no other one.
            Kind::Cluster => "://HOST:PORT",
            Kind::Sentinel => "://HOST:PORT/0?sentinelServiceName=NAME",
        }
    }

    /// What a URL of this scheme looks like.
    pub(super) fn form(self) -> String {
        let rest = match self.kind {
            Kind::Server => "://[USER:PASSWORD@]HOST[:PORT][/DB]",
            Kind::Socket => ":///PATH[?db=DB][&user=USER&pass=PASSWORD]",
            Kind::Cluster => "://[USER:PASSWORD@]HOST:PORT?node=HOST:PORT&node=…",
            Kind::Sentinel => "://[USER:PASSWORD@]HOST:PORT[,HOST:PORT…]/DB?sentinelServiceName=NAME",
        };
        format!("write {}{rest}", self.name())
    }

    /// Ours, and those of other clients of Redis and Valkey.
    fn named(scheme: &str) -> Option<Self> {
        let (kind, tls) = match scheme {
            "redis" | "valkey" => (Kind::Server, false),
            "rediss" | "valkeys" | "redis+tls" | "redis+ssl" | "redis-tls" | "valkey+tls" => {
                (Kind::Server, true)
            }
            "redis+unix" | "valkey+unix" | "unix" | "redis-socket" | "redis+socket" => (Kind::Socket, false),
            "redis-cluster" | "redis+cluster" | "valkey-cluster" => (Kind::Cluster, false),
            "rediss-cluster" | "rediss+cluster" | "valkeys-cluster" => (Kind::Cluster, true),
            "redis-sentinel" | "redis+sentinel" | "valkey-sentinel" => (Kind::Sentinel, false),
            "rediss-sentinel" | "rediss+sentinel" | "valkeys-sentinel" => (Kind::Sentinel, true),
            _ => return None,
        };
        Some(Self { kind, tls })
    }
}

const QUOTATION_MARKS: [char; 7] = ['"', '\'', '`', '\u{201c}', '\u{201d}', '\u{2018}', '\u{2019}'];

const NONE: &str = "it has no scheme: write redis://HOST:PORT, or sqlite:PATH for a file";

const UNKNOWN: &str = "its scheme is none of sqlite, redis, rediss, redis+unix, redis-cluster, rediss-cluster, redis-sentinel \
                       and rediss-sentinel";
