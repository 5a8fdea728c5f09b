//! The address by which clients know this server: the issuer of RFC 8414.

use std::fmt;
use std::str::FromStr;

use http::request::Parts;
use http::uri::Authority;
use http::{Uri, header};

/// The issuer that the metadata names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Issuer {
    /// `http(s)://HOST[:PORT][/PATH]`, as clients reach this server.
    Url(String),
    /// The host that a request names, as a URL. It is right if clients reach this server directly, or by a proxy that
    /// passes on the host and speaks TLS as this server does.
    OfHost {
        /// Whether this server speaks TLS.
        tls: bool,
    },
}

/// A text that is no issuer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("write https://HOST[:PORT][/PATH], without user, query, fragment and a slash at the end")]
pub struct IssuerError;

impl FromStr for Issuer {
    type Err = IssuerError;

    fn from_str(text: &str) -> Result<Self, IssuerError> {
        let uri: Uri = text.parse().map_err(|_| IssuerError)?;
        let is_web = matches!(uri.scheme_str(), Some("https" | "http"));
        let is_plain = !text.contains(['?', '#', '@']) && !text.ends_with('/');
        if is_web && is_plain && uri.authority().is_some() {
            Ok(Self::Url(text.into()))
        } else {
            Err(IssuerError)
        }
    }
}

impl Default for Issuer {
    fn default() -> Self {
        Self::OfHost { tls: false }
    }
}

impl fmt::Display for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url(url) => f.write_str(url),
            Self::OfHost { .. } => f.write_str("the host of the request"),
        }
    }
}

impl Issuer {
    /// The URL for the sender of this request; `None` if it names no host.
    pub(crate) fn url(&self, request: &Parts) -> Option<String> {
        match self {
            Self::Url(url) => Some(url.clone()),
            Self::OfHost { tls } => {
                let host = host(request)?;
                Some(format!("{}://{host}", if *tls { "https" } else { "http" }))
            }
        }
    }

    /// Its path, without a slash in front; empty if it has none.
    pub(crate) fn path(&self) -> &str {
        let Self::Url(url) = self else { return "" };
        let behind_scheme = url.split_once("://").map_or("", |(_, rest)| rest);
        behind_scheme.split_once('/').map_or("", |(_, path)| path)
    }
}

fn host(request: &Parts) -> Option<Authority> {
    let named = || request.headers.get(header::HOST)?.to_str().ok()?.parse().ok();
    let authority = request.uri.authority().cloned().or_else(named)?;
    let is_plain = !authority.as_str().contains('@') && !authority.host().is_empty();
    (is_plain && has_sane_port(&authority)).then_some(authority)
}

/// `HOST:` and `HOST:99999` are mistakes.
fn has_sane_port(authority: &Authority) -> bool {
    authority.as_str().len() == authority.host().len() || authority.port_u16().is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_issuer_is_a_plain_url() {
        for (text, path) in
            [("https://a.example", ""), ("http://127.0.0.1:8080", ""), ("https://[::1]:1/a/b", "a/b")]
        {
            let issuer: Issuer = text.parse().unwrap();
            assert_eq!((issuer.to_string().as_str(), issuer.path()), (text, path));
        }
        for wrong in [
            "",
            "a.example",
            "/a",
            "https://",
            "https://a/",
            "https://a?b",
            "https://a#b",
            "https://u@a",
            "ftp://a",
        ] {
            assert_eq!(wrong.parse::<Issuer>(), Err(IssuerError), "{wrong}");
        }
    }
}
