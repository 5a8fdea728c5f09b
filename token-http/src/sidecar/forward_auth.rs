//! `/auth`: a proxy asks whether a request may come through, and what to tell the service behind it.
//!
//! All proxies let a request through on 200 and stop it on 401 and 403; nginx knows no other refusals, so whatever is
//! wrong with the credentials is 401 here. 503 lets nothing through anywhere.
//!
//! Scopes are demanded by `?scope=node:UUID:PERM` of the URL that the proxy is configured with (and folders that hold the
//! node by `&ancestor=UUID`), or by the header `X-Token-Needs`. A client may send that header as well: all that is
//! demanded adds up, so it can only make its own way harder. Folders cannot be told by a header, since they make it easier.
//! Envoy appends the client's path and query to `/auth`: there the query says nothing.

use std::fmt::Write;
use std::sync::Arc;

use axum::response::Response;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue};
use token_core::{Demand, Grant, Need};

use super::demands::Demands;
use super::problem::Problem;
use super::{Sidecar, Tokens};
use crate::credentials::{Credentials, InUrl};
use crate::refusal::Refusal;

/// What the service behind the proxy is told. All of them are always there, so that a client's own never survive.
static USER: HeaderName = HeaderName::from_static("x-token-user");
pub(super) static ID: HeaderName = HeaderName::from_static("x-token-id");
static SCOPES: HeaderName = HeaderName::from_static("x-token-scopes");
static LABEL: HeaderName = HeaderName::from_static("x-token-label");

/// How a proxy asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// At a URL of its configuration, whose query says what is demanded.
    ByQuery,
    /// At `/auth` with the client's path and query appended. What a client asks for at the root of a service is the empty
    /// path here.
    ByHeader {
        /// Whether the client asked for the root.
        root: bool,
    },
}

/// The patterns of what is asked for.
pub(super) const ROUTES: [&str; 3] = ["/auth", "/auth/", "/auth/{*path}"];

impl Way {
    /// How what has this path is asked; `None` for what is no such question.
    pub(super) fn of(path: &str) -> Option<Self> {
        match path.strip_prefix("/auth")? {
            "" => Some(Self::ByQuery),
            rest => rest.starts_with('/').then_some(Self::ByHeader { root: rest == "/" }),
        }
    }

    /// The pattern of its path.
    pub(super) fn route(self) -> &'static str {
        let [query, root, path] = ROUTES;
        match self {
            Self::ByQuery => query,
            Self::ByHeader { root: true } => root,
            Self::ByHeader { root: false } => path,
        }
    }
}

/// Answers a proxy.
pub(super) async fn answer(sidecar: &Sidecar, request: &Parts, way: Way) -> Response {
    let admitted = match demanded(request, way) {
        Ok(demands) => admit(sidecar, request, demands).await,
        Err(problem) => Err(problem),
    };
    match admitted {
        Ok(identity) => {
            let mut response = Response::default();
            *response.headers_mut() = identity;
            response
        }
        Err(problem) => problem.answer(),
    }
}

fn demanded(request: &Parts, way: Way) -> Result<Demands, Problem> {
    match (way, request.uri.query()) {
        (Way::ByQuery, Some(query)) => {
            let parameters = form_urlencoded::parse(query.as_bytes());
            // A token in the URL is refused as such.
            Demands::configured(parameters.filter(|(name, _)| name != "access_token"))
        }
        _ => Ok(Demands::default()),
    }
}

/// What to tell the service behind the proxy of a request that may come through.
pub(super) async fn admit(
    sidecar: &Sidecar,
    request: &Parts,
    demands: Demands,
) -> Result<HeaderMap, Problem> {
    let needs = demands.and_in(&request.headers)?.needs();
    let granted = granted(&sidecar.tokens, request, needs).await;
    granted.map(|grant| identity(&grant)).map_err(|refusal| refused(sidecar, refusal))
}

async fn granted(tokens: &Tokens, request: &Parts, needs: Vec<Need>) -> Result<Arc<Grant>, Refusal> {
    let credentials = Credentials::of(request, InUrl::Refused)?.ok_or(Refusal::NoCredentials)?;
    let demand = needs.into_iter().fold(credentials.demand()?, Demand::need);
    credentials.grant(tokens, &demand).await
}

/// The refusal in the words of all proxies: 401, 403 or 503.
pub(super) fn refused(sidecar: &Sidecar, refusal: Refusal) -> Problem {
    let refusal = match refusal {
        Refusal::Malformed(_) => Refusal::Inactive(token_core::Reason::Unknown),
        other => other,
    };
    Problem::Refused(refusal, sidecar.realm.clone())
}

fn identity(grant: &Grant) -> HeaderMap {
    let scopes = match grant.access.scopes() {
        None => HeaderValue::from_static("*"),
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

/// All that is told is visible ASCII.
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
            ("/auth/", Some("/auth/")),
            ("/auth//", Some("/auth/{*path}")),
            ("/auth/v1/tokens", Some("/auth/{*path}")),
            ("/authorize", None),
            ("/AUTH", None),
            ("/v1/auth", None),
            ("/", None),
        ] {
            assert_eq!(Way::of(path).map(Way::route), route, "{path}");
        }
    }
}
