//! `/.well-known/oauth-authorization-server`: RFC 8414.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::Uri;
use http::request::Parts;
use serde_json::{Value, json};

use crate::error::ApiError;
use crate::settings::issuer::Issuer;
use crate::state::Sidecar;

const WELL_KNOWN: &str = "/.well-known/oauth-authorization-server/";

/// At the path itself: of an issuer without a path, and of one whose proxy takes its path away.
pub(crate) async fn metadata(
    State(sidecar): State<Arc<Sidecar>>,
    parts: Parts,
) -> Result<Json<Value>, ApiError> {
    document(&sidecar.issuer, &parts)
}

/// With the path of the issuer behind (RFC 8414 §3.1): of that issuer and of no other.
pub(crate) async fn metadata_below(
    State(sidecar): State<Arc<Sidecar>>,
    parts: Parts,
) -> Result<Json<Value>, ApiError> {
    let is_ours = |uri: &Uri| uri.path().strip_prefix(WELL_KNOWN) == Some(sidecar.issuer.path());
    if sidecar.issuer.path().is_empty() || !is_ours(&parts.uri) {
        return Err(ApiError::NotFound("there is no issuer of this path; see --issuer"));
    }
    document(&sidecar.issuer, &parts)
}

/// Nothing but what is there: no endpoint issues tokens to OAuth clients, so there is no response type and no grant type.
/// Their lists would be empty, and so are left out (RFC 8414 §3.2), also the one that §2 requires of servers that have some.
fn document(issuer: &Issuer, request: &Parts) -> Result<Json<Value>, ApiError> {
    let no_host = || {
        ApiError::bad_request(
            "the request names no host, or one that is not HOST[:PORT], and no --issuer is set",
        )
    };
    let issuer = issuer.url(request).ok_or_else(no_host)?;
    Ok(Json(json!({
        "issuer": issuer,
        "introspection_endpoint": format!("{issuer}/introspect"),
        "introspection_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "Bearer"],
        "revocation_endpoint": format!("{issuer}/revoke"),
        "revocation_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "none"],
    })))
}
