//! `/auth`: a proxy asks whether a request may come through, and what to tell the service behind it.
//!
//! All proxies let a request through on 200 and stop it on 401 and 403; nginx knows no other refusals, so a malformed
//! request is 401 here. 503 lets nothing through anywhere.
//!
//! Scopes are required by `?scope=node:UUID:PERM` of the URL that the proxy is configured with (and folders that hold the
//! node by `&ancestor=UUID`), or by the header `X-Token-Needs`. A client may send that header as well: all requirements
//! add up, so it can only make its own way harder. Folders cannot be named by a header, and widen only what the
//! same query requires.
//!
//! Whose the query is depends on the path alone. No header of a client changes how the operator's query is read:
//!
//! | asked at | the query is | parameters other than `scope` and `ancestor` |
//! |---|---|---|
//! | `/auth` | the proxy's configuration | refuse |
//! | `/auth/`, `/auth/…` (Envoy appends the client's path and query) | either | are the service's, unless they look like a requirement |
//!
//! The URI of the proxied request is the service's: no token in it is read or refused.

use std::fmt::Write;

use axum::response::Response;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue};
use token_core::Grant;

use super::middleware::Answered;
use crate::error::ApiError;
use crate::request::misspelled;
use crate::request::requirements::{RequirementError, Requirements};
use crate::state::Sidecar;
use token_http::CredentialsError;

/// The headers for the service behind the proxy. All of them are always there, so that a client's own never survive.
static USER: HeaderName = HeaderName::from_static("x-token-user");
static ID: HeaderName = HeaderName::from_static("x-token-id");
static SCOPES: HeaderName = HeaderName::from_static("x-token-scopes");
static LABEL: HeaderName = HeaderName::from_static("x-token-label");

/// A token in the URL of `/auth` itself.
const TOKEN_IN_URL: &str = "access_token";
/// The most scopes that are listed. A token may have more ([`Scopes::MAX`](token_core::Scopes::MAX)), and their list would
/// be too long for the default buffers of proxies: nginx has 4 KiB for the head of an answer (`proxy_buffer_size`), and
/// takes a longer one for a failure. With this many scopes and the longest names, the identity takes less than 3 KiB.
const MOST_LISTED: usize = 32;

/// Stands in the place of more scopes than [`MOST_LISTED`]. It must never pass for full access, for no restriction, or for
/// the whole list: so it is not empty, not `*`, no part of the list, and no scope. A service that looks for a scope finds
/// none in it and refuses.
const TOO_MANY: HeaderValue = HeaderValue::from_static("too-many");

/// How a proxy asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ForwardAuthMode {
    /// At a URL of its configuration, whose query says what is required.
    Exact,
    /// At `/auth` with the client's path and query appended. What a client asks for at the root of a service is the empty
    /// path here.
    Below {
        /// Whether the client asked for the root.
        root: bool,
    },
    /// At a path that may have been meant to be one of these.
    Unclear,
}

/// The patterns of what is asked for.
pub(crate) const ROUTES: [&str; 3] = ["/auth", "/auth/", "/auth/{*path}"];

impl ForwardAuthMode {
    /// How what has this path is asked; `None` for what is no such question.
    pub(crate) fn of(path: &str) -> Option<Self> {
        match path.strip_prefix("/auth") {
            Some(rest) => Self::behind(rest),
            None => Self::behind(canonical(path)?.strip_prefix("/auth")?),
        }
    }

    fn behind(rest: &str) -> Option<Self> {
        match rest.as_bytes().first() {
            None => Some(Self::Exact),
            Some(b'/') => Some(Self::Below { root: rest == "/" }),
            Some(b'%') => Some(Self::Unclear),
            Some(_) => None,
        }
    }

    /// The pattern of its path.
    pub(crate) fn route(self) -> &'static str {
        let [exact, root, path] = ROUTES;
        match self {
            Self::Exact => exact,
            Self::Below { root: true } => root,
            Self::Below { root: false } | Self::Unclear => path,
        }
    }
}

/// The path with one slash in front, and with its first segment decoded as far as that changes nothing (RFC 3986 §6.2.2.2):
/// `//auth` and `/%61uth` for `/auth`. `None` if it is so already.
fn canonical(path: &str) -> Option<String> {
    let trimmed = path.trim_start_matches('/');
    let (segment, rest) = trimmed.split_at(trimmed.find('/').unwrap_or(trimmed.len()));
    if !path.starts_with("//") && !segment.contains('%') {
        return None;
    }
    let mut parts = segment.split('%');
    let mut decoded = format!("/{}", parts.next().unwrap_or_default());
    for part in parts {
        let byte = part.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match byte.filter(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(byte)) {
            Some(byte) => {
                decoded.push(byte.into());
                decoded.push_str(part.get(2..).unwrap_or_default());
            }
            None => {
                decoded.push('%');
                decoded.push_str(part);
            }
        }
    }
    decoded.push_str(rest);
    Some(decoded)
}

/// Answers a proxy.
pub(crate) async fn answer(sidecar: &Sidecar, request: &Parts, mode: ForwardAuthMode) -> Answered {
    let admitted = match required(sidecar, request, mode) {
        Ok(requirements) => sidecar.admit(&request.headers, requirements).await,
        Err(error) => Err(error),
    };
    match admitted {
        Ok(grant) => {
            let mut response = Response::default();
            *response.headers_mut() = identity(&grant);
            Answered { response, token_id: Some(grant.id) }
        }
        Err(error) => error.into(),
    }
}

fn required(sidecar: &Sidecar, request: &Parts, mode: ForwardAuthMode) -> Result<Requirements, ApiError> {
    let query = request.uri.query().unwrap_or_default();
    let parameters = || form_urlencoded::parse(query.as_bytes());
    match mode {
        ForwardAuthMode::Unclear => Err(RequirementError::Path.into()),
        ForwardAuthMode::Below { .. } if misspelled::is_in_path(request.uri.path()) => {
            Err(ApiError::requirement_of_either(RequirementError::Misspelled))
        }
        _ if query.is_empty() => Ok(Requirements::default()),
        ForwardAuthMode::Exact => {
            if parameters().any(|(name, _)| name == TOKEN_IN_URL) {
                return Err(sidecar.stopped(CredentialsError::InUrl.into()));
            }
            Ok(Requirements::configured(parameters())?)
        }
        ForwardAuthMode::Below { .. } => {
            Requirements::among(parameters()).map_err(ApiError::requirement_of_either)
        }
    }
}

/// The headers for the service behind the proxy, of a request that may come through.
pub(crate) fn identity(grant: &Grant) -> HeaderMap {
    let scopes = match grant.access.scopes() {
        None => HeaderValue::from_static("*"),
        Some(scopes) if scopes.iter().len() > MOST_LISTED => TOO_MANY,
        Some(scopes) => value(scopes.iter().map(|scope| scope.to_string()).collect::<Vec<_>>().join(" ")),
    };
    let values = [
        (&USER, name(grant.subject.as_str())),
        (&ID, value(grant.id.text())),
        (&SCOPES, scopes),
        (&LABEL, grant.label.as_ref().map_or(NOTHING, |label| name(label.as_str()))),
    ];
    // With room for what is said besides. Room for six takes the memory of six; for seven, that of twelve.
    let mut headers = HeaderMap::with_capacity(values.len() + 2);
    headers.extend(values.map(|(name, value)| (name.clone(), value)));
    headers
}

const NOTHING: HeaderValue = HeaderValue::from_static("");

/// All values are visible ASCII.
fn value(text: impl AsRef<[u8]>) -> HeaderValue {
    HeaderValue::from_bytes(text.as_ref()).unwrap_or(NOTHING)
}

/// Names are any UTF-8, header values are not: what is not visible ASCII is percent-encoded, and the percent sign too.
fn name(name: &str) -> HeaderValue {
    let fits = |byte: u8| matches!(byte, b'!'..=b'~') && byte != b'%';
    if name.bytes().all(fits) {
        return value(name);
    }
    let mut encoded = String::with_capacity(3 * name.len());
    for byte in name.bytes() {
        match byte {
            byte if fits(byte) => encoded.push(byte.into()),
            // Writing to a String cannot fail.
            _ => _ = write!(encoded, "%{byte:02X}"),
        }
    }
    value(encoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_begins_like_a_question_is_none() {
        for (path, route) in [
            ("/auth", Some("/auth")),
            ("//auth", Some("/auth")),
            ("/%61uth", Some("/auth")),
            ("///%61%75%74%68", Some("/auth")),
            ("/auth/", Some("/auth/")),
            ("//auth/", Some("/auth/")),
            ("/auth//", Some("/auth/{*path}")),
            ("/auth/v1/tokens", Some("/auth/{*path}")),
            ("/%61uth/x%2Fy", Some("/auth/{*path}")),
            ("/auth%2Fx", Some("/auth/{*path}")),
            ("/%61uth%3Fscope=x", Some("/auth/{*path}")),
            ("/authorize", None),
            ("/AUTH", None),
            ("/v1/auth", None),
            ("/%zz", None),
            ("/%", None),
            ("//", None),
            ("/", None),
            ("*", None),
            ("", None),
        ] {
            assert_eq!(ForwardAuthMode::of(path).map(ForwardAuthMode::route), route, "{path}");
        }
        assert_eq!(ForwardAuthMode::of("/auth%2Fx"), Some(ForwardAuthMode::Unclear));
    }
}
