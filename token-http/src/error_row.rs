//! What an error is on each surface.

use std::borrow::Cow;

use http::StatusCode;

/// The numbers that gRPC gives its codes.
pub(crate) mod grpc {
    pub(crate) const INVALID_ARGUMENT: i32 = 3;
    pub(crate) const PERMISSION_DENIED: i32 = 7;
    pub(crate) const UNAVAILABLE: i32 = 14;
    pub(crate) const UNAUTHENTICATED: i32 = 16;
    #[cfg(feature = "sidecar")]
    pub(crate) const DEADLINE_EXCEEDED: i32 = 4;
    #[cfg(feature = "sidecar")]
    pub(crate) const NOT_FOUND: i32 = 5;
    #[cfg(feature = "sidecar")]
    pub(crate) const RESOURCE_EXHAUSTED: i32 = 8;
    #[cfg(feature = "sidecar")]
    pub(crate) const ABORTED: i32 = 10;
    #[cfg(feature = "sidecar")]
    pub(crate) const INTERNAL: i32 = 13;
    #[cfg(feature = "sidecar")]
    pub(crate) const DATA_LOSS: i32 = 15;
}

/// One row of the table of errors.
#[derive(Debug)]
pub(crate) struct ErrorRow {
    /// The status over HTTP.
    pub(crate) status: StatusCode,
    /// The error code of OAuth 2 (RFC 6749 §5.2, RFC 6750 §3.1), or one of ours where it has none.
    pub(crate) code: Option<&'static str>,
    /// The code over gRPC.
    pub(crate) grpc: i32,
    /// The message for the caller.
    pub(crate) message: Cow<'static, str>,
}

impl ErrorRow {
    pub(crate) fn new(
        status: StatusCode,
        code: Option<&'static str>,
        grpc: i32,
        message: Cow<'static, str>,
    ) -> Self {
        Self { status, code, grpc, message }
    }
}

#[cfg(feature = "sidecar")]
impl ErrorRow {
    /// The same for a proxy that knows no refusals but 401 and 403: a malformed request is 401, too.
    pub(crate) fn for_proxy(self) -> Self {
        let status = match self.status {
            StatusCode::BAD_REQUEST => StatusCode::UNAUTHORIZED,
            status => status,
        };
        Self { status, ..self }
    }
}
