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
use http::{HeaderMap, HeaderName, HeaderValue};
use token_core::Grant;

use super::Sidecar;
use super::demands::Demands;
use super::problem::Problem;
use crate::refusal::Refusal;

/// What the service behind the proxy is told. All of them are always there, so that a client's own never survive.
static USER: HeaderName = HeaderName::from_static("x-token-user");
pub(super) static ID: HeaderName = HeaderName::from_static("x-token-id");
static SCOPES: HeaderName = HeaderName::from_static("x-token-scopes");
static LABEL: HeaderName = HeaderName::from_static("x-token-label");

/// For proxies that ask at a URL of their configuration.
pub(super) async fn by_query(
    State(sidecar): State<Arc<Sidecar>>,
    request: Request,
) -> Result<Response, Problem> {
    let (parts, _) = request.into_parts();
    let query = parts.uri.query().unwrap_or_default();
    let parameters = form_urlencoded::parse(query.as_bytes());
    // A token in the URL is refused as such.
    let demands = Demands::configured(parameters.filter(|(name, _)| name != "access_token"))?;
    answer(&sidecar, &parts, demands).await
}

/// For proxies that append the client's path and query.
pub(super) async fn by_header(
    State(sidecar): State<Arc<Sidecar>>,
    request: Request,
) -> Result<Response, Problem> {
    let (parts, _) = request.into_parts();
    answer(&sidecar, &parts, Demands::default()).await
}

async fn answer(sidecar: &Sidecar, request: &Parts, demands: Demands) -> Result<Response, Problem> {
    let mut response = Response::default();
    *response.headers_mut() = admit(sidecar, request, demands).await?;
    Ok(response)
}

/// What to tell the service behind the proxy of a request that may come through.
pub(super) async fn admit(
    sidecar: &Sidecar,
    request: &Parts,
    demands: Demands,
) -> Result<HeaderMap, Problem> {
    let needs = demands.and_in(&request.headers)?.needs();
    let checked = sidecar.door().check_for(request, needs).await;
    let who = checked.map_err(|refusal| refused(sidecar, refusal))?;
    Ok(identity(who.grant()))
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
    // With room for what is said besides.
    let mut headers = HeaderMap::with_capacity(values.len() + 4);
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
