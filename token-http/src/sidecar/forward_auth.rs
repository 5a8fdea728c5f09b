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

use axum::extract::{Request, State};
use axum::response::Response;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, header};
use token_core::{Grant, Need, Scope, parse_node};
use uuid::Uuid;

use super::Sidecar;
use super::problem::Problem;
use crate::refusal::Refusal;

/// What the service behind the proxy is told. All of them are always there, so that a client's own never survive.
const USER: &str = "x-token-user";
pub(super) const ID: &str = "x-token-id";
const SCOPES: &str = "x-token-scopes";
const LABEL: &str = "x-token-label";
/// What a proxy can demand for each route.
const NEEDS: &str = "x-token-needs";

/// For proxies that ask at a URL of their configuration.
pub(super) async fn by_query(
    State(sidecar): State<Arc<Sidecar>>,
    request: Request,
) -> Result<Response, Problem> {
    let (parts, _) = request.into_parts();
    let demands = Demands::read(&parts, parts.uri.query().unwrap_or_default())?;
    answer(&sidecar, &parts, demands).await
}

/// For proxies that append the client's path and query.
pub(super) async fn by_header(
    State(sidecar): State<Arc<Sidecar>>,
    request: Request,
) -> Result<Response, Problem> {
    let (parts, _) = request.into_parts();
    let demands = Demands::read(&parts, "")?;
    answer(&sidecar, &parts, demands).await
}

async fn answer(sidecar: &Sidecar, request: &Parts, demands: Demands) -> Result<Response, Problem> {
    let checked = sidecar.door().check_for(request, demands.needs()).await;
    let who = checked.map_err(|refusal| Problem::Refused(refusal.for_proxies(), sidecar.realm.clone()))?;
    let mut response = Response::default();
    *response.headers_mut() = identity(who.grant());
    Ok(response)
}

/// What the proxy demands.
#[derive(Debug, Default)]
struct Demands {
    scopes: Vec<Scope>,
    folders: Vec<Uuid>,
}

impl Demands {
    fn read(request: &Parts, query: &str) -> Result<Self, Problem> {
        let mut demands = Self::default();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            match &*name {
                "scope" => demands.add_scopes(&value)?,
                "ancestor" => {
                    demands.folders.push(parse_node(&value).ok_or_else(|| misconfigured("ancestor"))?)
                }
                "access_token" => {}
                // A misspelled demand would demand nothing.
                _ => return Err(misconfigured("query")),
            }
        }
        for value in request.headers.get_all(NEEDS) {
            demands.add_scopes(value.to_str().map_err(|_| misconfigured(NEEDS))?)?;
        }
        Ok(demands)
    }

    /// One scope, or several separated by commas or spaces.
    fn add_scopes(&mut self, text: &str) -> Result<(), Problem> {
        for scope in text.split([',', ' ']).filter(|scope| !scope.is_empty()) {
            self.scopes.push(scope.parse().map_err(|_| misconfigured("scope"))?);
        }
        Ok(())
    }

    fn needs(self) -> Vec<Need> {
        let Self { scopes, folders } = self;
        scopes.into_iter().map(|scope| Need::new(scope).below(folders.iter().copied())).collect()
    }
}

/// The proxy's configuration is wrong, or a client meddles with it: nothing comes through.
fn misconfigured(what: &'static str) -> Problem {
    tracing::warn!(what, "refused a request to /auth whose demands cannot be read");
    Problem::Forbidden(
        "what is demanded of the token cannot be read: write ?scope=node:UUID:PERM&ancestor=UUID",
    )
}

fn identity(grant: &Grant) -> HeaderMap {
    let scopes = grant.access.scopes().map_or_else(
        || "*".to_owned(),
        |scopes| scopes.iter().map(|scope| scope.to_string()).collect::<Vec<_>>().join(" "),
    );
    let label = grant.label.as_ref().map(|label| encode(label.as_str())).unwrap_or_default();
    let values = [
        (USER, encode(grant.subject.as_str())),
        (ID, grant.id.to_string()),
        (SCOPES, scopes),
        (LABEL, label),
        (header::CACHE_CONTROL.as_str(), "no-store".into()),
    ];
    let mut headers = HeaderMap::new();
    for (name, value) in values {
        // All are visible ASCII.
        let value = HeaderValue::try_from(value).unwrap_or(HeaderValue::from_static(""));
        headers.insert(http::HeaderName::from_static(name), value);
    }
    headers
}

/// Names are any UTF-8, header values are not: what is not visible ASCII is percent-encoded, and the percent sign too.
fn encode(name: &str) -> String {
    let mut encoded = String::with_capacity(name.len());
    for byte in name.bytes() {
        match byte {
            b'!'..=b'~' if byte != b'%' => encoded.push(byte.into()),
            // Writing to a String cannot fail.
            _ => _ = write!(encoded, "%{byte:02X}"),
        }
    }
    encoded
}

impl Refusal {
    /// The same in the words of all proxies: 401, 403 or 503.
    fn for_proxies(self) -> Self {
        match self {
            Self::Malformed(_) => Self::Inactive(token_core::Reason::Unknown),
            other => other,
        }
    }
}
