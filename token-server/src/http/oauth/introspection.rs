//! `/introspect`: RFC 7662.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use token_core::{Grant, Mode, Requirement, Timestamp, Verdict};

use super::client::{Asked, Authentication};
use super::rejection::{Method, Rejection};
use crate::error::ApiError;
use crate::state::Sidecar;
use token_http::AuthError;

/// Informs a resource server about a token that was presented to it, which is a use of that token.
pub(crate) async fn introspect(
    State(sidecar): State<Arc<Sidecar>>,
    request: Request,
) -> Result<Response, Rejection> {
    let (parts, body) = request.into_parts();
    let Asked { caller, method, mut form } = sidecar.asked(&parts, body, Authentication::Required).await?;
    let Some(caller) = caller else {
        let refused = ApiError::Refused(AuthError::NoCredentials, sidecar.realm.clone());
        return Err(Rejection::new(Method::Client, refused));
    };
    let token = form.token().map_err(method.rejecting())?;
    let verdict = caller.introspect(token.expose_secret(), &Requirement::any(), Mode::Use).await;
    let answer = match verdict.map_err(method.rejecting())? {
        Verdict::Active(grant) => active(&grant),
        Verdict::Inactive(_) => json!({ "active": false }),
    };
    let headers = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store")];
    Ok((StatusCode::OK, headers, answer.to_string()).into_response())
}

/// The members of RFC 7662 §2.2, and two of ours. What the token does not have is left out.
fn active(grant: &Grant) -> Value {
    let seconds = |time: Timestamp| time.as_millis() / 1000;
    let scope = grant.access.scopes().map_or_else(
        || "*".to_owned(),
        |scopes| scopes.iter().map(|scope| scope.to_string()).collect::<Vec<_>>().join(" "),
    );
    let mut members = json!({
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
    });
    if let Some(members) = members.as_object_mut() {
        members.retain(|_, value| !value.is_null());
    }
    members
}
