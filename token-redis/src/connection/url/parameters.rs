//! The parameters of store URLs. Unknown ones are refused.

use token_core::StoreError;
use url::Url;

use super::refuse;
use super::scheme::{Kind, Scheme};

/// Parameters that only some kinds of URL take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Allowed {
    Database,
    Node,
    Service,
    User,
    Password,
}

impl Allowed {
    /// Its name here, and its names in other clients.
    fn names(self) -> &'static [&'static str] {
        match self {
            Self::Database => &["db", "database"],
            Self::Node => &["node"],
            Self::Service => &["sentinelServiceName"],
            Self::User => &["user", "username"],
            Self::Password => &["pass", "password"],
        }
    }
}

/// The parameters of one URL, in their order.
pub(super) struct Parameters(Vec<(Allowed, String)>);

impl Parameters {
    /// Parses the allowed parameters. Those about the transport are compared with the scheme, and not kept.
    pub(super) fn read(url: &Url, scheme: Scheme, allowed: &[Allowed]) -> Result<Self, StoreError> {
        let mut read = Self(Vec::new());
        for (name, value) in url.query_pairs() {
            match allowed.iter().find(|allowed| allowed.names().contains(&&*name)) {
                Some(&known) => {
                    if known != Allowed::Node && read.one(known).is_some() {
                        let name = known.names().first().copied().unwrap_or_default();
                        return Err(refuse(&format!("the parameter {name} is there twice")));
                    }
                    read.0.push((known, value.into_owned()));
                }
                None => way(url, scheme, &name, &value)?,
            }
        }
        Ok(read)
    }

    pub(super) fn one(&self, wanted: Allowed) -> Option<&str> {
        self.all(wanted).next()
    }

    pub(super) fn all(&self, wanted: Allowed) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |(known, _)| *known == wanted).map(|(_, value)| value.as_str())
    }

    pub(super) fn database(&self, scheme: Scheme) -> Result<Option<i64>, StoreError> {
        self.one(Allowed::Database).map(|text| number(text, scheme)).transpose()
    }
}

/// Parses the number of a database.
pub(super) fn number(text: &str, scheme: Scheme) -> Result<i64, StoreError> {
    let number: Option<u32> = text.parse().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()));
    number.map(i64::from).ok_or_else(|| {
        let (name, rest) = (scheme.name(), scheme.with_a_database());
        refuse(&format!("its database is no whole number from 0: write {name}{rest}"))
    })
}

/// Checks the parameters about protocol and transport.
fn way(url: &Url, scheme: Scheme, name: &str, value: &str) -> Result<(), StoreError> {
    match (name, value.to_ascii_lowercase().as_str()) {
        ("protocol", "3" | "resp3") => Ok(()),
        ("protocol", _) => Err(refuse("this store speaks RESP3: leave the parameter protocol out")),
        ("ssl" | "tls", "true" | "1" | "yes" | "on" | "required") if scheme.tls => Ok(()),
        ("ssl" | "tls", "false" | "0" | "no" | "off") if !scheme.tls => Ok(()),
        ("ssl" | "tls", "false" | "0" | "no" | "off") => {
            Err(refuse("it asks for TLS by its scheme and for none by a parameter: leave one of the two out"))
        }
        ("ssl_cert_reqs", "required" | "cert_required") if scheme.tls => Ok(()),
        _ if concerns_tls(name) && scheme.kind == Kind::Socket => {
            Err(refuse("a socket in the file system takes no TLS: leave the parameter out"))
        }
        _ if concerns_tls(name) && !scheme.tls => Err(refuse(&format!(
            "a parameter asks for TLS, which the scheme does: write {}://, and leave the parameter out",
            Scheme { tls: true, ..scheme }.name()
        ))),
        _ if concerns_tls(name) => Err(refuse(
            "certificates are always verified, and not named in the URL: use --tls-ca, --tls-cert and --tls-key",
        )),
        ("user" | "username" | "pass" | "password" | "auth", _) => Err(refuse(&format!(
            "user and password stand in front of the host: write {}://USER:PASSWORD@HOST:PORT",
            scheme.name()
        ))),
        _ => Err(unknown(url, name)),
    }
}

fn concerns_tls(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.starts_with("ssl")
        || name.starts_with("tls")
        || name.contains("verify")
        || name.contains("insecure")
        || name.contains("cert")
}

/// Repeats the name only if it cannot be part of a password.
fn unknown(url: &Url, name: &str) -> StoreError {
    let plain = (1..=32).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'_' || byte == b'-')
        && !url.query().unwrap_or_default().contains('@');
    let what = if plain {
        format!("the parameter {name} is unknown")
    } else {
        "it has a parameter that is unknown; in a password write %3F for ? and %26 for &".to_owned()
    };
    refuse(&format!(
        "{what}; known are db, protocol=resp3, for a cluster node=HOST:PORT, for Sentinels sentinelServiceName=NAME, \
         and for a socket user and pass"
    ))
}
