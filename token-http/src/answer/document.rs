//! Problem documents (RFC 9457): the answers that are not the ones asked for.

use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use serde_json::{Map, Value};

/// How long to wait before trying again, in seconds.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("1");

/// Why an answer is a refusal, in the extensions of that answer: see [`AuthError::reason`](crate::AuthError::reason).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RefusalReason(pub &'static str);

/// A problem document, and the head of the answer that it is in.
#[derive(Debug)]
pub struct Document {
    /// The status of the answer.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// The members of the document.
    pub members: Map<String, Value>,
    /// For the access log.
    reason: RefusalReason,
}

impl Document {
    /// A document with this detail for people; `reason` is a stable word for the access log.
    #[must_use]
    pub fn new(status: StatusCode, detail: &str, reason: &'static str) -> Self {
        let mut headers = HeaderMap::with_capacity(4);
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        let document = Self { status, headers, members: Map::new(), reason: RefusalReason(reason) };
        document
            .with("type", "about:blank")
            .with("title", status.canonical_reason())
            .with("status", status.as_u16())
            .with("detail", detail)
    }

    /// The same with a member more.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.members.insert(name.into(), value.into());
        self
    }

    /// The same call may succeed a little later.
    #[must_use]
    pub fn with_retry_after(mut self) -> Self {
        self.headers.insert(header::RETRY_AFTER, RETRY_AFTER);
        self
    }

    /// The answer. Its extensions have the [`RefusalReason`].
    #[must_use]
    pub fn into_response<B: From<String>>(self) -> Response<B> {
        let mut response = Response::new(Value::Object(self.members).to_string().into());
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        response.extensions_mut().insert(self.reason);
        response
    }
}
