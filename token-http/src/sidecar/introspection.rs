//! `/introspect`: RFC 7662.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode, header};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use token_core::{Demand, Grant, Mode, Timestamp, Verdict};

use super::Sidecar;
use super::body::{self, expect_media_type};
use super::problem::Problem;

/// Tells a resource server about a token that was presented to it, which counts as a use of that token.
pub(super) async fn introspect(
    State(sidecar): State<Arc<Sidecar>>,
    request: Request,
) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    let caller = sidecar.caller(&parts).await?;
    let token = token_in(&parts.headers, body).await?;
    let answer = match caller.introspect(token.expose_secret(), &Demand::any(), Mode::Use).await? {
        Verdict::Active(grant) => active(&grant),
        Verdict::Inactive(_) => json!({ "active": false }),
    };
    let headers = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store")];
    Ok((StatusCode::OK, headers, answer.to_string()).into_response())
}

/// The members of RFC 7662 §2.2, and two of ours.
fn active(grant: &Grant) -> serde_json::Value {
    let seconds = |time: Timestamp| time.as_millis() / 1000;
    let scope = grant.access.scopes().map_or_else(
        || "*".to_owned(),
        |scopes| scopes.iter().map(|scope| scope.to_string()).collect::<Vec<_>>().join(" "),
    );
    json!({
        "active": true,
        "token_type": "Bearer",
        "sub": grant.subject.as_str(),
        "username": grant.subject.as_str(),
        "scope": scope,
        "jti": grant.id.to_string(),
        "iat": seconds(grant.issued_at),
        "exp": seconds(grant.expires_at),
        "label": grant.label.as_ref().map(token_core::Label::as_str),
        "max_exp": grant.deadlines.cap().map(seconds),
    })
}

/// The parameter `token` of a form. `token_type_hint` may say what it likes: there is one kind of token.
pub(super) async fn token_in(headers: &HeaderMap, body: Body) -> Result<SecretString, Problem> {
    expect_media_type(headers, "application/x-www-form-urlencoded")?;
    let body = body::read(body).await?;
    let mut tokens =
        form_urlencoded::parse(&body).filter(|(name, _)| name == "token").map(|(_, value)| value);
    match (tokens.next(), tokens.next()) {
        (Some(token), None) if !token.is_empty() => Ok(token.into_owned().into()),
        _ => Err(Problem::bad_request("send exactly one parameter token, which is not empty")),
    }
}
