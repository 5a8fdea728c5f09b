//! What comes with a request behind its head, and what it says it is.

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use http::{HeaderMap, StatusCode, header};

use super::problem::Problem;

/// The longest body that is read: many times what the longest request takes.
pub(super) const LIMIT: usize = 64 * 1024;

/// The bytes of a body that is not too long.
#[derive(Debug)]
pub(super) struct Body(pub(super) Bytes);

impl<S: Send + Sync> FromRequest<S> for Body {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        Bytes::from_request(request, state).await.map(Self).map_err(|rejection| match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => {
                let sentence = format!("the body is longer than {} KiB", LIMIT / 1024);
                Problem::Wrong(StatusCode::PAYLOAD_TOO_LARGE, "invalid_request", sentence)
            }
            _ => Problem::bad_request("the body ended before its end"),
        })
    }
}

/// Refuses a body of another media type (RFC 9110 §8.3.1); its parameters may be any.
pub(super) fn expect_media_type(headers: &HeaderMap, expected: &str) -> Result<(), Problem> {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let media_type = content_type.and_then(|text| text.split(';').next()).unwrap_or_default().trim();
    if media_type.eq_ignore_ascii_case(expected) {
        return Ok(());
    }
    let sentence = format!("send the body as Content-Type: {expected}");
    Err(Problem::Wrong(StatusCode::UNSUPPORTED_MEDIA_TYPE, "invalid_request", sentence))
}
