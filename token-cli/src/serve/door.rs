//! Connections: HTTP over them, with TLS or without, within limits on what a client may send before a request begins.

use std::net;
use std::time::Duration;

use http::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::Watcher;
use token_http::sidecar::SidecarService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tower::{BoxError, Service};

/// How large the head of a request may be: several times what its one token takes.
const HEAD: usize = 16 * 1024;
/// How long a client may take to send it, or for its part of the handshake of TLS.
const HEAD_TIME: Duration = Duration::from_secs(10);
/// How many requests one HTTP/2 connection may have under way.
const STREAMS: u32 = 256;

/// Answers connections.
#[derive(Clone)]
pub(super) struct Door {
    service: SidecarService,
    tls: Option<TlsAcceptor>,
    http: auto::Builder<TokioExecutor>,
}

impl Door {
    pub(super) fn new(service: SidecarService, tls: Option<TlsAcceptor>) -> Self {
        let mut http = auto::Builder::new(TokioExecutor::new());
        http.http1().max_buf_size(HEAD).timer(TokioTimer::new()).header_read_timeout(HEAD_TIME);
        http.http2().max_header_list_size(HEAD as u32).max_concurrent_streams(STREAMS);
        Self { service, tls, http }
    }

    /// Answers all requests of a connection, until either end has enough or the watcher is told.
    pub(super) async fn answer(&self, connection: net::TcpStream, watcher: Watcher) {
        if let Err(error) = self.try_answer(connection, watcher).await {
            // What clients do is no trouble of ours.
            tracing::debug!(error, "a connection has failed");
        }
    }

    async fn try_answer(&self, connection: net::TcpStream, watcher: Watcher) -> Result<(), BoxError> {
        let connection = TcpStream::from_std(connection)?;
        let Some(tls) = &self.tls else { return self.http(connection, watcher).await };
        let connection = timeout(HEAD_TIME, tls.accept(connection)).await??;
        self.http(connection, watcher).await
    }

    async fn http<C>(&self, connection: C, watcher: Watcher) -> Result<(), BoxError>
    where
        C: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let answer = service_fn(|request: Request<Incoming>| self.service.clone().call(request));
        watcher.watch(self.http.serve_connection(TokioIo::new(connection), answer)).await
    }
}
