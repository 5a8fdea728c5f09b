//! Everything that is not the answer asked for: problem documents (RFC 9457), never cached.

use axum::body::Body;
use axum::response::IntoResponse;
use http::{HeaderValue, Response, StatusCode, header};
use serde_json::json;
use token_core::StoreError;

use crate::refusal::{Realm, Refusal};

/// Why there is no other answer.
#[derive(Debug)]
pub(super) enum Problem {
    /// The caller is not let in.
    Refused(Refusal, Realm),
    /// The caller is known, and may not do this.
    Forbidden(&'static str),
    /// The request is wrong: a code of RFC 6749 §5.2 where one fits, and a sentence.
    Wrong(StatusCode, &'static str, String),
}

impl Problem {
    pub(super) fn bad_request(sentence: impl Into<String>) -> Self {
        Self::Wrong(StatusCode::BAD_REQUEST, "invalid_request", sentence.into())
    }

    /// The store could not be asked.
    pub(super) fn store(error: StoreError) -> Self {
        Self::Refused(Refusal::Unknown(error), Realm::default())
    }
}

impl Problem {
    /// The whole answer.
    pub(super) fn answer<B: From<String>>(self) -> Response<B> {
        match self {
            Self::Refused(refusal, realm) => refusal.into_response(&realm),
            Self::Forbidden(sentence) => document(StatusCode::FORBIDDEN, "access_denied", sentence),
            Self::Wrong(status, code, sentence) => document(status, code, &sentence),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response<Body> {
        self.answer()
    }
}

/// With the members that OAuth 2 clients look for (RFC 6749 §5.2).
fn document<B: From<String>>(status: StatusCode, code: &str, sentence: &str) -> Response<B> {
    let problem = json!({
        "type": "about:blank",
        "title": status.canonical_reason(),
        "status": status.as_u16(),
        "detail": sentence,
        "error": code,
        "error_description": sentence,
    });
    let mut response = Response::new(problem.to_string().into());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

pub(super) async fn not_found() -> Response<Body> {
    document(StatusCode::NOT_FOUND, "not_found", "there is nothing at this path")
}

pub(super) async fn method_not_allowed() -> Response<Body> {
    document(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "this path is asked in another way")
}
