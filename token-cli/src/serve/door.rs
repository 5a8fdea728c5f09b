//! Connections: HTTP over them, with TLS or without, within limits on what a client may send before a request begins.

use std::net;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::Watcher;
use token_http::sidecar::{Peer, SidecarService};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tower::{BoxError, Service};

use super::stop::Stop;

/// How large the head of a request may be: several times what its one token takes.
const HEAD: usize = 16 * 1024;
/// How long a client may take to send it, for its part of the handshake of TLS, and until its first request.
const HEAD_TIME: Duration = Duration::from_secs(10);
/// How many requests one HTTP/2 connection may have under way.
const STREAMS: u32 = 256;
/// How often the client of such a connection is asked whether it is there, and how long it may take to say so.
const PING: (Duration, Duration) = (Duration::from_secs(30), Duration::from_secs(10));

/// Answers connections.
#[derive(Clone)]
pub(super) struct Door {
    service: SidecarService,
    tls: Option<TlsAcceptor>,
    http: auto::Builder<TokioExecutor>,
    stop: Stop,
}

impl Door {
    pub(super) fn new(service: SidecarService, tls: Option<TlsAcceptor>, stop: Stop) -> Self {
        let mut http = auto::Builder::new(TokioExecutor::new());
        http.http1().max_buf_size(HEAD).timer(TokioTimer::new()).header_read_timeout(HEAD_TIME);
        http.http2()
            .max_header_list_size(HEAD as u32)
            .max_concurrent_streams(STREAMS)
            .timer(TokioTimer::new())
            .keep_alive_interval(PING.0)
            .keep_alive_timeout(PING.1);
        Self { service, tls, http, stop }
    }

    /// Answers all requests of a connection, until either end has enough or the watcher is told.
    pub(super) async fn answer(&self, connection: net::TcpStream, watcher: Watcher) {
        if let Err(error) = self.try_answer(connection, watcher).await {
            // What clients do is no trouble of ours.
            tracing::debug!(error, "a connection has failed");
        }
    }

    async fn try_answer(&self, connection: net::TcpStream, watcher: Watcher) -> Result<(), BoxError> {
        let peer = connection.peer_addr().map(Peer::from).unwrap_or_default();
        let service = self.service.for_peer(peer);
        let connection = TcpStream::from_std(connection)?;
        // Each answer is written in one piece, and must not wait for the client to have taken the one before.
        connection.set_nodelay(true)?;
        let Some(tls) = &self.tls else { return self.http(service, connection, watcher).await };
        tokio::select! {
            secured = timeout(HEAD_TIME, tls.accept(connection)) => self.http(service, secured??, watcher).await,
            () = self.stop.told() => Ok(()),
        }
    }

    async fn http<C>(&self, service: SidecarService, connection: C, watcher: Watcher) -> Result<(), BoxError>
    where
        C: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let begun = AtomicBool::new(false);
        let answer = service_fn(|request: Request<Incoming>| {
            begun.store(true, Ordering::Relaxed);
            service.clone().call(request)
        });
        let mut answering = pin!(watcher.watch(self.http.serve_connection(TokioIo::new(connection), answer)));
        match timeout(HEAD_TIME, &mut answering).await {
            Ok(answered) => answered,
            Err(late) if !begun.load(Ordering::Relaxed) => Err(late.into()),
            Err(_) => answering.await,
        }
    }
}
