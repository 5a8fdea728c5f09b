//! Everything that is not the answer asked for: problem documents (RFC 9457), never cached.

use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};
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
    /// Not now, for this reason.
    Busy(&'static str),
    /// The request is wrong: a code of RFC 6749 §5.2 where one fits, and a sentence.
    Wrong(StatusCode, &'static str, String),
}

impl Problem {
    pub(super) fn bad_request(sentence: impl Into<String>) -> Self {
        Self::Wrong(StatusCode::BAD_REQUEST, "invalid_request", sentence.into())
    }

    pub(super) fn busy(sentence: &'static str) -> Self {
        Self::Busy(sentence)
    }

    /// The store could not be asked.
    pub(super) fn store(error: StoreError) -> Self {
        Self::Refused(Refusal::Unknown(error), Realm::default())
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        match self {
            Self::Refused(refusal, realm) => refusal.into_response(&realm),
            Self::Forbidden(sentence) => document(StatusCode::FORBIDDEN, "access_denied", sentence),
            Self::Busy(sentence) => {
                let mut response =
                    document(StatusCode::SERVICE_UNAVAILABLE, "temporarily_unavailable", sentence);
                response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
                response
            }
            Self::Wrong(status, code, sentence) => document(status, code, &sentence),
        }
    }
}

/// With the members that OAuth 2 clients look for (RFC 6749 §5.2).
fn document(status: StatusCode, code: &str, sentence: &str) -> Response {
    let problem = json!({
        "type": "about:blank",
        "title": status.canonical_reason(),
        "status": status.as_u16(),
        "detail": sentence,
        "error": code,
        "error_description": sentence,
    });
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    (status, HeaderMap::from_iter(headers), problem.to_string()).into_response()
}

pub(super) async fn not_found() -> Response {
    document(StatusCode::NOT_FOUND, "not_found", "there is nothing at this path")
}

pub(super) async fn method_not_allowed() -> Response {
    document(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "this path is asked in another way")
}
