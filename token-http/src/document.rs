//! Problem documents (RFC 9457): the answers that are not the ones asked for.

use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use serde_json::{Map, Value};

use crate::auth_error::RefusalReason;

/// How long to wait before trying again, in seconds.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("1");

/// A problem document, and the head of the answer that it is in.
#[derive(Debug)]
pub(crate) struct Document {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) members: Map<String, Value>,
    /// For the access log.
    reason: RefusalReason,
}

impl Document {
    pub(crate) fn new(status: StatusCode, detail: &str, reason: &'static str) -> Self {
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

    pub(crate) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.members.insert(name.into(), value.into());
        self
    }

    /// The same call may succeed a little later.
    pub(crate) fn with_retry_after(mut self) -> Self {
        self.headers.insert(header::RETRY_AFTER, RETRY_AFTER);
        self
    }

    /// The answer. Its extensions have the [`RefusalReason`].
    pub(crate) fn into_response<B: From<String>>(self) -> Response<B> {
        let mut response = Response::new(Value::Object(self.members).to_string().into());
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        response.extensions_mut().insert(self.reason);
        response
    }
}
