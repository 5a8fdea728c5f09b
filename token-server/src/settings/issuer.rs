//! The address by which clients know this server: the issuer of RFC 8414.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use http::request::Parts;
use http::uri::Authority;
use http::{Uri, header};

/// The issuer that the metadata names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Issuer {
    /// `https://HOST[:PORT][/PATH]`, as clients reach this server; `http` for this machine alone.
    Url(String),
    /// The host that a request names, as a URL. It is right if clients reach this server directly, or by a proxy that
    /// passes on the host and speaks TLS as this server does.
    OfHost {
        /// Whether this server speaks TLS.
        tls: bool,
    },
}

/// A text that is no issuer (RFC 8414 §2), and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}; write https://HOST[:PORT][/PATH], without user, query, fragment and a slash at the end")]
pub struct IssuerError(&'static str);

impl FromStr for Issuer {
    type Err = IssuerError;

    fn from_str(text: &str) -> Result<Self, IssuerError> {
        fault(text).map_or_else(|| Ok(Self::Url(text.into())), |fault| Err(IssuerError(fault)))
    }
}

/// What keeps a text from being an issuer. Clients compare issuers character by character, so that nothing is corrected.
fn fault(text: &str) -> Option<&'static str> {
    if text.contains(char::is_whitespace) {
        return Some("it has blanks in it or around it");
    }
    if text.contains(['?', '#', '@']) {
        return Some("an issuer has no user, query and fragment");
    }
    let Ok(uri) = text.parse::<Uri>() else { return Some("it is no URL") };
    let Some(authority) = uri.authority() else { return Some("it has no scheme and host") };
    let host = authority.host();
    match uri.scheme_str() {
        Some("https") => {}
        Some("http") if is_loopback(host) => {}
        Some("http") => {
            return Some(
                "http is for localhost and 127.0.0.1 alone: clients trust no other issuer without TLS",
            );
        }
        _ => return Some("its scheme is not https"),
    }
    if !is_host(host) {
        return Some("its host is no name and no address");
    }
    if !has_sane_port(authority) || authority.port_u16() == Some(0) {
        return Some("its port is no number from 1 to 65535");
    }
    let path = uri.path();
    let has_dots = path.split('/').any(|part| matches!(part, "." | ".."));
    if text.ends_with('/') || path.contains("//") || has_dots {
        return Some("its path has a slash at the end, two slashes in a row, or a part that is . or ..");
    }
    None
}

/// A name or an address, as a certificate has it: no wildcard, no empty label, no dot at the end.
fn is_host(host: &str) -> bool {
    if let Some(six) = host.strip_prefix('[') {
        return six.strip_suffix(']').is_some_and(|six| six.parse::<Ipv6Addr>().is_ok());
    }
    let of_a_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let is_label = |label: &str| (1..=63).contains(&label.len()) && label.bytes().all(of_a_name);
    let is_number = host.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let fits = if is_number { host.parse::<Ipv4Addr>().is_ok() } else { host.split('.').all(is_label) };
    fits && host.len() <= 253
}

/// This machine, where tests and first steps are.
fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
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
        for (text, path) in [
            ("https://a.example", ""),
            ("https://a_b.example:8443/t", "t"),
            ("http://127.0.0.1:8080", ""),
            ("http://localhost", ""),
            ("http://[::1]:1", ""),
            ("https://192.0.2.1", ""),
            ("https://[::1]:1/a/b", "a/b"),
        ] {
            let issuer: Issuer = text.parse().unwrap();
            assert_eq!((issuer.to_string().as_str(), issuer.path()), (text, path));
        }
    }

    #[test]
    fn what_clients_would_not_take_for_an_issuer_is_refused() {
        for (wrong, why) in [
            ("", "no URL"),
            ("a.example", "not https"),
            ("/a", "no scheme and host"),
            ("https://", "no URL"),
            ("https://a/", "a slash at the end"),
            ("https://a//b", "two slashes"),
            ("https://a/../b", "a part that is . or .."),
            ("https://a/.", "a part that is . or .."),
            ("https://a?b", "no user, query"),
            ("https://a#b", "no user, query"),
            ("https://u@a", "no user, query"),
            ("https://u:p@a", "no user, query"),
            ("ftp://a", "not https"),
            ("http://a.example", "http is for localhost"),
            ("http://10.0.0.1", "http is for localhost"),
            ("https://a:99999", "from 1 to 65535"),
            ("https://a:", "from 1 to 65535"),
            ("https://a:0", "from 1 to 65535"),
            ("https://:443", "no name and no address"),
            ("https://a.example.", "no name and no address"),
            ("https://a..example", "no name and no address"),
            ("https://.a", "no name and no address"),
            ("https://*.example", "no name and no address"),
            ("https://127.1", "no name and no address"),
            (" https://a", "blanks"),
            ("https://a ", "blanks"),
            ("https://a/b c", "blanks"),
            ("https://a\n", "blanks"),
        ] {
            let error = wrong.parse::<Issuer>().unwrap_err().to_string();
            assert!(
                error.starts_with(|c: char| c.is_alphabetic()) && error.contains(why),
                "{wrong}: {error}"
            );
        }
    }
}
