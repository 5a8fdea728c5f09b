//! What comes with a request behind its head, and what it says it is.

use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use http::{HeaderMap, header};
use http_body_util::{BodyExt, Collected, LengthLimitError, Limited};

use crate::error::{ApiError, Fault};

/// The longest body that is read: many times what the longest request takes.
pub(crate) const LIMIT: usize = 64 * 1024;

/// How long a client may take to send it.
const TIME: Duration = Duration::from_secs(5);

/// The bytes of a body that is not too long and arrives in time. Callers check the credentials before they read it. A
/// length that is announced and too long is refused unread: no `100 Continue` invites the client to send it (RFC 9110
/// §10.1.1).
pub(crate) async fn read(body: Body) -> Result<Bytes, ApiError> {
    if body.size_hint().lower() > LIMIT as u64 {
        return Err(too_long());
    }
    let limited = tokio::time::timeout(TIME, Limited::new(body, LIMIT).collect()).await;
    let Ok(read) = limited else {
        return Err(ApiError::Wrong(Fault::TooSlow, "the body did not arrive in time".into()));
    };
    read.map(Collected::to_bytes).map_err(|error| {
        if error.is::<LengthLimitError>() {
            too_long()
        } else {
            ApiError::bad_request(
                "the body cannot be read to its end: it was cut off, or its chunks are malformed",
            )
        }
    })
}

fn too_long() -> ApiError {
    ApiError::Wrong(Fault::BodyTooLong, format!("the body is longer than {} KiB", LIMIT / 1024))
}

/// Refuses a body of another media type (RFC 9110 §8.3.1), whose parameters may be any, and one that is compressed.
pub(crate) fn expect_media_type(headers: &HeaderMap, expected: &str) -> Result<(), ApiError> {
    let mut types = headers.get_all(header::CONTENT_TYPE).iter();
    let content_type = types.next().and_then(|value| value.to_str().ok());
    let media_type = content_type.and_then(|text| text.split(';').next()).unwrap_or_default().trim();
    if !media_type.eq_ignore_ascii_case(expected) {
        return Err(unsupported(format!("send the body as Content-Type: {expected}")));
    }
    if types.next().is_some() {
        return Err(unsupported(format!("send one Content-Type: {expected}")));
    }
    expect_no_coding(headers)
}

/// No content coding is understood (RFC 9110 §8.4). An empty header, and `identity`, change nothing.
fn expect_no_coding(headers: &HeaderMap) -> Result<(), ApiError> {
    let is_plain = |coding: &str| coding.trim().is_empty() || coding.trim().eq_ignore_ascii_case("identity");
    let mut values = headers.get_all(header::CONTENT_ENCODING).iter();
    if values.all(|value| value.to_str().is_ok_and(|codings| codings.split(',').all(is_plain))) {
        return Ok(());
    }
    Err(unsupported("send the body as it is, without Content-Encoding".into()))
}

fn unsupported(message: String) -> ApiError {
    ApiError::Wrong(Fault::MediaType, message)
}
