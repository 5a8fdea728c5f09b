//! Why an OAuth client is not answered, in its terms: RFC 6749 §5.2, RFC 6750 §3.1, RFC 7009 §2.2.1, RFC 7662 §2.3.

use axum::body::Body;
use axum::response::IntoResponse;
use http::request::Parts;
use http::{HeaderValue, Response, StatusCode, header};
use serde_json::Value;

use crate::auth_error::{AuthError, Realm};
use crate::credentials::{CredentialsError, scheme_is_bearer};
use crate::sidecar::error::ApiError;

/// How a client authenticates, which decides about the words of a rejection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    /// By a bearer token.
    Bearer,
    /// By a name and a secret, or not at all.
    Client,
}

impl Method {
    pub(super) fn of(parts: &Parts) -> Self {
        match parts.headers.get(header::AUTHORIZATION) {
            Some(header) if scheme_is_bearer(header) => Self::Bearer,
            _ => Self::Client,
        }
    }

    pub(super) fn rejecting(self) -> impl Fn(ApiError) -> Rejection {
        move |problem| Rejection::new(self, problem)
    }
}

/// A problem, and how the client that has it authenticates.
#[derive(Debug)]
pub(in crate::sidecar) struct Rejection {
    method: Method,
    problem: ApiError,
}

impl Rejection {
    pub(super) fn new(method: Method, problem: ApiError) -> Self {
        Self { method, problem }
    }

    /// The same with the status of RFC 6749 §5.2 if a client authenticates by a header that cannot be read.
    pub(super) fn of_header(method: Method, error: CredentialsError, realm: Realm) -> Self {
        let refusal = AuthError::from(error);
        let problem = match method {
            Method::Client if !matches!(error, CredentialsError::InUrl | CredentialsError::Several) => {
                ApiError::Stopped(refusal, realm)
            }
            _ => ApiError::Refused(refusal, realm),
        };
        Self { method, problem }
    }

    /// The code that OAuth has for it, if it is not the one that the problem has.
    fn code(&self) -> Option<&'static str> {
        match (&self.problem, self.method) {
            (ApiError::Refused(refusal, _), Method::Client)
                if refusal.status() == StatusCode::UNAUTHORIZED =>
            {
                Some("invalid_client")
            }
            (ApiError::Stopped(..), _) => Some("invalid_client"),
            (ApiError::Forbidden(_), Method::Client) => Some("unauthorized_client"),
            (ApiError::Forbidden(_), Method::Bearer) => Some("insufficient_scope"),
            _ => None,
        }
    }
}

impl IntoResponse for Rejection {
    fn into_response(self) -> Response<Body> {
        let code = self.code();
        // A client is asked for its credentials, with no word about a bearer token that it did not send.
        let challenges = match (&self.problem, code) {
            (ApiError::Refused(_, realm) | ApiError::Stopped(_, realm), Some(_)) => {
                Some(AuthError::NoCredentials.challenges(realm))
            }
            _ => None,
        };
        let (mut parts, body) = self.problem.answer::<String>().into_parts();
        if let Some(challenges) = challenges {
            parts.headers.remove(header::WWW_AUTHENTICATE);
            parts.headers.extend(challenges);
        }
        let is_oauths = matches!(
            parts.status,
            StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN
        );
        if is_oauths {
            parts.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
            return Response::from_parts(parts, with_oauths_members(&body, code).into());
        }
        Response::from_parts(parts, body.into())
    }
}

/// The problem document with the members of RFC 6749 §5.2.
fn with_oauths_members(body: &str, code: Option<&str>) -> String {
    let Ok(Value::Object(mut members)) = serde_json::from_str(body) else { return body.to_owned() };
    if let Some(code) = code {
        members.insert("error".into(), code.into());
    }
    members.entry("error").or_insert_with(|| "invalid_request".into());
    if let Some(detail) = members.get("detail").cloned() {
        members.insert("error_description".into(), quoted_otherwise(detail));
    }
    Value::Object(members).to_string()
}

/// A description has no quotes (RFC 6749 §5.2).
fn quoted_otherwise(detail: Value) -> Value {
    match detail {
        Value::String(text) => text.replace(['"', '\\'], "'").into(),
        other => other,
    }
}
