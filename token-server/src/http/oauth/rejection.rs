//! Why an OAuth client is not answered, in its terms: RFC 6749 §5.2, RFC 6750 §3.1, RFC 7009 §2.2.1, RFC 7662 §2.3.

use axum::body::Body;
use axum::response::IntoResponse;
use http::request::Parts;
use http::{HeaderValue, Response, StatusCode, header};
use serde_json::Value;

use crate::error::ApiError;
use token_http::AuthError;
use token_http::CredentialsError;
use token_http::Realm;
use token_http::answer::Document;

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
        move |error| Rejection::new(self, error)
    }
}

/// Whether a header names the scheme Bearer, whatever follows.
fn scheme_is_bearer(header: &HeaderValue) -> bool {
    let scheme = header.as_bytes().split(|&byte| byte == b' ').next();
    scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"bearer"))
}

/// An error, and how the client that meets it authenticates.
#[derive(Debug)]
pub(crate) struct Rejection {
    method: Method,
    error: ApiError,
}

impl Rejection {
    pub(super) fn new(method: Method, error: ApiError) -> Self {
        Self { method, error }
    }

    /// The same with the status of RFC 6749 §5.2 if a client authenticates by a header that cannot be read.
    pub(super) fn of_header(method: Method, error: CredentialsError, realm: Realm) -> Self {
        let refusal = AuthError::from(error);
        let error = match method {
            Method::Client if !matches!(error, CredentialsError::InUrl | CredentialsError::Several) => {
                ApiError::Stopped(refusal, realm)
            }
            _ => ApiError::Refused(refusal, realm),
        };
        Self { method, error }
    }

    /// The code that OAuth has for it, if it is not the one that the error has.
    fn code(&self) -> Option<&'static str> {
        match (&self.error, self.method) {
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
        let mut document = self.error.document();
        // A client is asked for its credentials, with no word about a bearer token that it did not send.
        if let (ApiError::Refused(_, realm) | ApiError::Stopped(_, realm), Some(_)) = (&self.error, code) {
            let (nothing, headers) = (AuthError::NoCredentials, &mut document.headers);
            headers.remove(header::WWW_AUTHENTICATE);
            nothing.challenge(realm, &nothing.row(), headers);
        }
        if matches!(
            document.status,
            StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN
        ) {
            for_oauth(&mut document, code);
        }
        document.into_response()
    }
}

/// Gives the document the members of RFC 6749 §5.2, and their media type.
fn for_oauth(document: &mut Document, code: Option<&'static str>) {
    document.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let members = &mut document.members;
    if let Some(code) = code {
        members.insert("error".into(), code.into());
    }
    members.entry("error").or_insert_with(|| "invalid_request".into());
    // A description has no quotes (RFC 6749 §5.2).
    if let Some(Value::String(detail)) = members.get("detail") {
        let description = detail.replace(['"', '\\'], "'");
        members.insert("error_description".into(), description.into());
    }
}
