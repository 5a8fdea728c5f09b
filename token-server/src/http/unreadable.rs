//! What never came to be a request: its answer is like any other, and so it is counted and logged.

use axum::body::Body;
use http::{Response, StatusCode};

use super::service::SidecarService;
use crate::error::{ApiError, Fault};

/// Why there is no request to look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unreadable {
    /// It is no HTTP.
    Malformed,
    /// Its target has a `#`, which no target may have (RFC 9112 §3.2).
    Fragment,
    /// Its body is coded in a way that is not understood (RFC 9112 §6.1).
    TransferCoding,
    /// It has more than one `Host` (RFC 9112 §3.2).
    Hosts,
    /// It is of HTTP/1.1 and has no `Host` (RFC 9112 §3.2).
    NoHost,
    /// Its `Host` is none (RFC 9112 §3.2).
    InvalidHost,
    /// It asks for a tunnel (RFC 9110 §9.3.6), and this is no proxy.
    Tunnel,
    /// Its head did not come in time.
    TooSlow,
    /// Its first line is too long.
    UriTooLong,
    /// It has too many header fields, or they are too long.
    HeadTooLarge,
}

impl Unreadable {
    /// The status of its answer.
    #[must_use]
    pub fn status(self) -> StatusCode {
        self.fault().status()
    }

    fn fault(self) -> Fault {
        match self {
            Self::Malformed | Self::Fragment | Self::Hosts | Self::NoHost | Self::InvalidHost => {
                Fault::Malformed
            }
            Self::Tunnel | Self::TransferCoding => Fault::NotImplemented,
            Self::TooSlow => Fault::TooSlow,
            Self::UriTooLong => Fault::UrlTooLong,
            Self::HeadTooLarge => Fault::HeadTooLong,
        }
    }

    fn message(self) -> &'static str {
        match self {
            Self::Malformed => "this is no request of HTTP/1.1 or HTTP/2",
            Self::Fragment => "the URL of the request has a raw #; write it as %23",
            Self::TransferCoding => "the request has another Transfer-Encoding than chunked",
            Self::Hosts => "the request has more than one Host header",
            Self::NoHost => "the request has no Host header; HTTP/1.1 needs one",
            Self::InvalidHost => "the Host header of the request is not HOST or HOST:PORT",
            Self::Tunnel => "this server is no proxy: it does not take CONNECT",
            Self::TooSlow => "the head of the request did not come in time",
            Self::UriTooLong => "the URL of the request is too long",
            Self::HeadTooLarge => "the request has too many header fields, or they are too long",
        }
    }
}

impl SidecarService {
    /// The answer to what is no request, which it counts and logs as it does all answers.
    #[must_use]
    pub fn unreadable(&self, why: Unreadable) -> Response<String> {
        let error = ApiError::Wrong(why.fault(), why.message().into());
        let (parts, body) = error.answer::<String>().into_parts();
        let counted = self.answer_unread(Response::from_parts(parts, Body::empty()));
        Response::from_parts(counted.into_parts().0, body)
    }
}
