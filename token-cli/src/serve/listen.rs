//! Where it listens, and how it ends.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::Duration;

use axum_server::Handle;
use axum_server::tls_rustls::RustlsConfig;
use token_http::sidecar::{Sidecar, SidecarService};
use tower::make::Shared;

use crate::failure::Failure;
use crate::signals::Signals;

/// How large the head of a request may be: several times what its one token takes.
const HEAD: usize = 16 * 1024;
/// How long a client may take to send it.
const HEAD_TIME: Duration = Duration::from_secs(10);
/// How many requests one HTTP/2 connection may have under way.
const STREAMS: u32 = 256;
/// How long requests may take that were begun before it is told to stop.
const FINISH: Duration = Duration::from_secs(15);

/// Answers until SIGINT or SIGTERM; over TLS with a certificate and its key.
pub(super) async fn serve(
    sidecar: SidecarService,
    listen: SocketAddr,
    certificate: Option<(PathBuf, PathBuf)>,
) -> Result<(), Failure> {
    let cannot = |source| Failure::System { what: format!("cannot listen on {listen}"), source };
    let tls = match &certificate {
        Some((certificate, key)) => Some(tls(certificate, key).await?),
        None => None,
    };
    let listener = TcpListener::bind(listen).map_err(cannot)?;
    listener.set_nonblocking(true).map_err(cannot)?;
    let address = listener.local_addr().map_err(cannot)?;
    let handle = Handle::new();
    tokio::spawn(stop(handle.clone())?);
    tracing::info!(%address, tls = tls.is_some(), "listening");
    let service = Shared::new(sidecar);
    let ended = match tls {
        Some(tls) => {
            bounded(axum_server::from_tcp_rustls(listener, tls).map_err(cannot)?)
                .handle(handle)
                .serve(service)
                .await
        }
        None => bounded(axum_server::from_tcp(listener).map_err(cannot)?).handle(handle).serve(service).await,
    };
    ended.map_err(Failure::system)
}

/// With limits on what a client may send before a request begins.
fn bounded<S>(mut server: axum_server::Server<SocketAddr, S>) -> axum_server::Server<SocketAddr, S> {
    let builder = server.http_builder();
    builder
        .http1()
        .max_buf_size(HEAD)
        .timer(hyper_util::rt::TokioTimer::new())
        .header_read_timeout(HEAD_TIME);
    builder.http2().max_header_list_size(HEAD as u32).max_concurrent_streams(STREAMS);
    server
}

async fn tls(certificate: &Path, key: &Path) -> Result<RustlsConfig, Failure> {
    // Another part of the process may have chosen a provider already; there is only one to choose.
    let _ = rustls::crypto::ring::default_provider().install_default();
    RustlsConfig::from_pem_file(certificate, key).await.map_err(|error| {
        let (certificate, key) = (certificate.display(), key.display());
        Failure::usage(format!("cannot use the certificate {certificate} with the key {key}: {error}"))
    })
}

/// Told to stop, it takes no new connections, and ends when all requests have.
fn stop(handle: Handle<SocketAddr>) -> Result<impl Future<Output = ()>, Failure> {
    let told = told_to_stop()?;
    Ok(async move {
        told.await;
        tracing::info!("told to stop; finishing what was begun");
        handle.graceful_shutdown(Some(FINISH));
    })
}

/// The same for gRPC, where that is asked for.
pub(super) async fn serve_grpc(sidecar: Sidecar, listen: Option<SocketAddr>) -> Result<(), Failure> {
    let Some(listen) = listen else { return Ok(()) };
    let cannot = |source| Failure::System { what: format!("cannot listen on {listen}"), source };
    let listener = tokio::net::TcpListener::bind(listen).await.map_err(cannot)?;
    let address = listener.local_addr().map_err(cannot)?;
    let stop = told_to_stop()?;
    tracing::info!(%address, "listening for gRPC");
    sidecar.serve_grpc(listener, stop).await.map_err(Failure::system)
}

/// Ends with SIGINT or SIGTERM.
fn told_to_stop() -> Result<impl Future<Output = ()>, Failure> {
    let mut signals = Signals::listen()?;
    Ok(async move { signals.next().await })
}
