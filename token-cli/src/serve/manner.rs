//! How connections are dealt with: TLS, the limits on what a client may send, and how long it may be silent.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use http::uri::Authority;
use http::{Request, Version, header};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use hyper_util::server::conn::auto;
use token_http::sidecar::Unreadable;
use tokio_rustls::TlsAcceptor;

use super::tls;
use crate::args::ServeArgs;
use crate::failure::Failure;

/// How many requests one HTTP/2 connection may have under way.
const STREAMS: u32 = 256;
/// How often the client of such a connection is asked whether it is there, and how long it may take to say so.
const PING: (Duration, Duration) = (Duration::from_secs(30), Duration::from_secs(10));
/// The number of header fields for which hyper has room that costs nothing.
const CHEAP_FIELDS: usize = 100;

/// How connections are dealt with.
pub(super) struct Manner {
    pub(super) tls: Option<TlsAcceptor>,
    pub(super) http: auto::Builder<TokioExecutor>,
    pub(super) head: HeadLimits,
    /// How long a connection may wait for its next request.
    pub(super) idle: Duration,
    /// How long requests are still taken when it is told to stop.
    pub(super) drain: Duration,
}

/// The manner of the process. It can be replaced: connections that come later are dealt with in the new one.
pub(super) type Manners = Arc<ArcSwap<Manner>>;

/// How large the head of a request may be.
#[derive(Debug, Clone, Copy)]
pub(super) struct HeadLimits {
    /// The bytes of its URL, and of the names and values of its header fields.
    size: usize,
    /// How many header fields it may have.
    fields: usize,
}

const CERTIFICATE: &str = "TOKEN_LISTEN_CERT (--listen-cert)";
const KEY: &str = "TOKEN_LISTEN_KEY (--listen-key)";

impl Manner {
    /// As the arguments say. Reads the certificate, if there is one.
    pub(super) fn of(arguments: &ServeArgs) -> Result<Self, Failure> {
        let tls = match (&arguments.listen_cert, &arguments.listen_key) {
            (Some(certificate), Some(key)) => Some(tls::acceptor(certificate, key)?),
            (Some(_), None) => return Err(Failure::half(CERTIFICATE, KEY)),
            (None, Some(_)) => return Err(Failure::half(KEY, CERTIFICATE)),
            (None, None) => None,
        };
        let connections = &arguments.connections;
        let head = HeadLimits { size: connections.max_header_size.0, fields: connections.max_headers.get() };
        Ok(Self {
            tls,
            http: http(head),
            head,
            idle: connections.idle_timeout.as_duration(),
            drain: connections.drain.0,
        })
    }
}

/// The limits of hyper are an outer wall, which it measures coarsely and, in HTTP/2, answers without a word.
fn http(head: HeadLimits) -> auto::Builder<TokioExecutor> {
    let wall = (4 * head.size).max(64 * 1024);
    let mut http = auto::Builder::new(TokioExecutor::new());
    // A client may end its side behind its last request, and gets its answer all the same.
    http.http1().max_buf_size(wall).header_read_timeout(None).half_close(true);
    if head.fields > CHEAP_FIELDS {
        http.http1().max_headers(head.fields);
    }
    http.http2()
        .max_header_list_size(u32::try_from(wall).unwrap_or(u32::MAX))
        .max_concurrent_streams(STREAMS)
        .timer(TokioTimer::new())
        .keep_alive_interval(PING.0)
        .keep_alive_timeout(PING.1);
    http
}

impl HeadLimits {
    /// What is wrong with the head of a request, if anything is.
    pub(super) fn check<B>(&self, request: &Request<B>) -> Result<(), Unreadable> {
        let (uri, headers) = (request.uri(), request.headers());
        let path = uri.path_and_query().map_or(0, |path| path.as_str().len());
        if path > self.size {
            return Err(Unreadable::UriTooLong);
        }
        let size: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
        check_host(request)?;
        if headers.len() > self.fields || path + size > self.size {
            return Err(Unreadable::HeadTooLarge);
        }
        let mut codings = headers.get_all(header::TRANSFER_ENCODING).iter();
        if codings.any(|coding| !coding.as_bytes().trim_ascii().eq_ignore_ascii_case(b"chunked")) {
            return Err(Unreadable::TransferCoding);
        }
        Ok(())
    }
}

/// HTTP/1.1 has one `Host` (RFC 9112 §3.2); in other versions it may be left out.
fn check_host<B>(request: &Request<B>) -> Result<(), Unreadable> {
    let mut hosts = request.headers().get_all(header::HOST).iter();
    match (hosts.next(), hosts.next()) {
        (Some(_), Some(_)) => Err(Unreadable::Hosts),
        (Some(host), None) if is_host(host.as_bytes()) => Ok(()),
        (Some(_), None) => Err(Unreadable::InvalidHost),
        (None, _) if request.version() == Version::HTTP_11 => Err(Unreadable::NoHost),
        (None, _) => Ok(()),
    }
}

/// `HOST` or `HOST:PORT`. It may be empty, if what is asked for has no host (RFC 9110 §7.2).
fn is_host(text: &[u8]) -> bool {
    let Ok(authority) = Authority::try_from(text) else { return text.is_empty() };
    let port = authority.as_str().get(authority.host().len()..).unwrap_or_default();
    let is_port = |port: &str| port.bytes().all(|byte| byte.is_ascii_digit());
    !text.contains(&b'@')
        && !authority.host().is_empty()
        && (port.is_empty() || port.strip_prefix(':').is_some_and(is_port))
}

#[cfg(test)]
mod tests {
    use super::is_host;

    #[test]
    fn a_host_has_a_name_or_an_address_and_may_have_a_port() {
        for host in ["", "a", "a.example:80", "127.0.0.1:8080", "[::1]", "[::1]:8080", "my_host", "a:"] {
            assert!(is_host(host.as_bytes()), "{host}");
        }
        for wrong in ["a b", "a/b", "u@a", "[::1", "a:b", ":80", "http://a", "a?b", "\u{e4}"] {
            assert!(!is_host(wrong.as_bytes()), "{wrong}");
        }
    }
}
