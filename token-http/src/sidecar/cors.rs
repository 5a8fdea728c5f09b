//! Which pages of other origins may call this server from a browser (CORS). None by default.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use http::{HeaderName, HeaderValue, Method, Uri, header};
use tower_http::cors::{AllowOrigin, CorsLayer};

/// How long a browser may remember what it was allowed.
const REMEMBERED: Duration = Duration::from_secs(3600);

/// An origin: `scheme://host[:port]`, or `*` for all. No cookie is read here, so that pages of all origins can do no more
/// than what their own token allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin(HeaderValue);

/// A text that is no origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("write https://HOST[:PORT] without a slash at the end, or * for all")]
pub struct OriginError;

impl FromStr for Origin {
    type Err = OriginError;

    fn from_str(text: &str) -> Result<Self, OriginError> {
        let is_origin = |uri: Uri| {
            let parts = uri.into_parts();
            let path = parts.path_and_query.map_or_else(String::new, |path| path.to_string());
            parts.scheme.is_some()
                && parts.authority.is_some_and(|host| !host.as_str().contains('@'))
                && path == "/"
        };
        let fits =
            text == "*" || (!text.ends_with('/') && !text.contains('#') && text.parse().is_ok_and(is_origin));
        // A browser writes scheme and host in lower case.
        let value = HeaderValue::from_str(&text.to_ascii_lowercase()).map_err(|_| OriginError)?;
        if fits { Ok(Self(value)) } else { Err(OriginError) }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.to_str().unwrap_or_default())
    }
}

/// What answers preflights and marks answers for these origins.
pub(super) fn layer(origins: &[Origin]) -> CorsLayer {
    let allowed = if origins.iter().any(|origin| origin.0 == "*") {
        AllowOrigin::any()
    } else {
        AllowOrigin::list(origins.iter().map(|origin| origin.0.clone()))
    };
    CorsLayer::new()
        .allow_origin(allowed)
        .allow_methods([Method::GET, Method::POST, Method::DELETE])
        .allow_headers([
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            HeaderName::from_static("idempotency-key"),
            HeaderName::from_static("x-request-id"),
        ])
        .expose_headers([header::LOCATION, header::RETRY_AFTER, header::WWW_AUTHENTICATE])
        .max_age(REMEMBERED)
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
        ] {
            assert_eq!(text.parse::<Origin>().unwrap().to_string(), shown);
        }
        for wrong in
            ["", "a.example", "https://a/", "https://a/b", "https://a?b", "https://u@a", "null", "https://"]
        {
            assert_eq!(wrong.parse::<Origin>(), Err(OriginError), "{wrong}");
        }
    }
}
