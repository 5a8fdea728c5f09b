//! What an error is on each surface.

use std::borrow::Cow;

use http::StatusCode;

/// The numbers that gRPC gives its codes.
pub(crate) mod grpc {
    pub(crate) const INVALID_ARGUMENT: i32 = 3;
    pub(crate) const PERMISSION_DENIED: i32 = 7;
    pub(crate) const UNAVAILABLE: i32 = 14;
    pub(crate) const UNAUTHENTICATED: i32 = 16;
}

/// One row of the table of errors.
#[derive(Debug)]
pub struct ErrorRow {
    /// The status over HTTP.
    pub status: StatusCode,
    /// The error code of OAuth 2 (RFC 6749 §5.2, RFC 6750 §3.1), or one of ours where it has none.
    pub code: Option<&'static str>,
    /// The code over gRPC.
    pub grpc: i32,
    /// The message for the caller.
    pub message: Cow<'static, str>,
}

impl ErrorRow {
    /// A row of these values.
    #[must_use]
    pub fn new(
        status: StatusCode,
        code: Option<&'static str>,
        grpc: i32,
        message: Cow<'static, str>,
    ) -> Self {
        Self { status, code, grpc, message }
    }
}
