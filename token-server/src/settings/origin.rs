//! The origins of pages in a browser.

use std::fmt;
use std::str::FromStr;

use http::{HeaderValue, Uri};

/// An origin: `scheme://host[:port]`, or `*` for all. No cookie is read here, so that pages of all origins can do no more
/// than what their own token allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin(HeaderValue);

/// A text that is no origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "write https://HOST[:PORT] without a path, a slash at the end or a * in the host, or * alone for all"
)]
pub struct OriginError;

impl FromStr for Origin {
    type Err = OriginError;

    fn from_str(text: &str) -> Result<Self, OriginError> {
        let origin = if text == "*" { Some(text.to_owned()) } else { as_sent(text) };
        origin.and_then(|origin| HeaderValue::from_str(&origin).ok()).map(Self).ok_or(OriginError)
    }
}

impl Origin {
    /// Whether it stands for all origins.
    #[must_use]
    pub fn is_all(&self) -> bool {
        self.0 == "*"
    }

    /// The value of the header `Origin` of its pages; `*` for all.
    pub(crate) fn header(&self) -> &HeaderValue {
        &self.0
    }
}

/// An origin as a browser sends it (RFC 6454 §6.2): in lower case, and without the port that its scheme has by default.
fn as_sent(text: &str) -> Option<String> {
    let text = text.to_ascii_lowercase();
    let (scheme, authority) = text.split_once("://")?;
    let uri: Uri = text.parse().ok()?;
    let is_whole = uri.authority()?.as_str() == authority;
    let port = match authority.strip_prefix(uri.host()?)? {
        "" => None,
        port => Some(port.strip_prefix(':')?.parse::<u16>().ok()?),
    };
    if !is_whole || authority.contains(['@', '*']) {
        return None;
    }
    let default = match scheme {
        "https" => Some(443),
        "http" => Some(80),
        _ => None,
    };
    let port = port.filter(|port| Some(*port) != default);
    Some(format!("{scheme}://{}{}", uri.host()?, port.map_or_else(String::new, |port| format!(":{port}"))))
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.to_str().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_scheme_and_host_and_nothing_else() {
        for (text, shown) in [
            ("*", "*"),
            ("https://a.example", "https://a.example"),
            ("HTTP://A:8080", "http://a:8080"),
            ("https://[::1]", "https://[::1]"),
            ("https://a.example:443", "https://a.example"),
            ("HTTPS://A.example:443", "https://a.example"),
            ("http://a:80", "http://a"),
            ("https://a:80", "https://a:80"),
            ("https://[::1]:443", "https://[::1]"),
            ("app://a", "app://a"),
        ] {
            assert_eq!(text.parse::<Origin>().unwrap().to_string(), shown);
        }
        for wrong in [
            "",
            "a.example",
            "https://a/",
            "https://a/b",
            "https://a?b",
            "https://a#b",
            "https://u@a",
            "null",
            "https://",
            "https://*.example",
            "https://*",
            "https://a:",
            "https://a:99999",
            "https://a:x",
            "**",
        ] {
            assert_eq!(wrong.parse::<Origin>(), Err(OriginError), "{wrong}");
        }
    }
}
