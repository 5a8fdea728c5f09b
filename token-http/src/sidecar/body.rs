//! What comes with a request behind its head, and what it says it is.

use std::time::Duration;

use axum::body::{Body, Bytes};
use http::{HeaderMap, StatusCode, header};
use http_body_util::{BodyExt, Collected, LengthLimitError, Limited};

use super::problem::Problem;

/// The longest body that is read: many times what the longest request takes.
pub(super) const LIMIT: usize = 64 * 1024;

/// How long a client may take to send it.
const TIME: Duration = Duration::from_secs(5);

/// The bytes of a body that is not too long, and not too long in coming. Whoever has no business here is told so before
/// this.
pub(super) async fn read(body: Body) -> Result<Bytes, Problem> {
    let limited = tokio::time::timeout(TIME, Limited::new(body, LIMIT).collect()).await;
    let Ok(read) = limited else {
        let sentence = "the body did not come".to_owned();
        return Err(Problem::Wrong(StatusCode::REQUEST_TIMEOUT, "invalid_request", sentence));
    };
    read.map(Collected::to_bytes).map_err(|error| {
        if error.is::<LengthLimitError>() {
            let sentence = format!("the body is longer than {} KiB", LIMIT / 1024);
            Problem::Wrong(StatusCode::PAYLOAD_TOO_LARGE, "invalid_request", sentence)
        } else {
            Problem::bad_request("the body ended before its end")
        }
    })
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
