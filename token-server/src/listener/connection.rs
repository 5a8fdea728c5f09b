//! Connections: HTTP over them, with TLS or without, within limits on what a client may send and how long it may be silent.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use crate::http::service::SidecarService;
use crate::http::unreadable::Unreadable;
use crate::request::client::Peer;
use arc_swap::ArcSwap;
use axum::body::Body;
use http::{HeaderValue, Request, Response, header};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::watch;
use tokio::time::timeout;
use tower::{BoxError, Service};

use super::activity::{HEAD_TIME, Late, UnderWay};
use super::heads::Follow;
use super::protocol::{HeadLimits, SharedProtocol};
use super::refusals::{Lent, Shared};
use super::stop::Stop;
use super::unread::noted;
use super::wire::Accepted;

/// How long a closing connection is still read: if it is closed while the client sends, the client loses the answer too.
const LINGER_TIME: Duration = Duration::from_secs(2);
/// How many bytes of it are read.
const LINGER_BYTES: usize = 1024 * 1024;
/// How long a connection may take to end that has been idle for too long.
const GRACE: Duration = Duration::from_secs(5);

/// Answers connections. What it answers with can be replaced, also for connections that there are.
pub(crate) struct ConnectionHandler {
    service: ArcSwap<SidecarService>,
    protocol: SharedProtocol,
    stop: Stop,
}

impl ConnectionHandler {
    pub(crate) fn new(service: SidecarService, protocol: SharedProtocol, stop: Stop) -> Self {
        Self { service: ArcSwap::from_pointee(service), protocol, stop }
    }

    /// Answers with another service from the next request on. Requests that have begun end with the old one.
    pub(crate) fn answer_with(&self, service: SidecarService) {
        self.service.store(Arc::new(service));
    }

    /// Answers all requests of a connection, until either end has enough or `ending` changes.
    pub(crate) async fn answer(self: Arc<Self>, connection: Accepted, ending: watch::Receiver<()>) {
        if let Err(error) = self.try_answer(connection, ending).await {
            // What clients do is no trouble of ours.
            tracing::debug!(error, "a connection has failed");
        }
    }

    async fn try_answer(
        self: Arc<Self>,
        connection: Accepted,
        ending: watch::Receiver<()>,
    ) -> Result<(), BoxError> {
        let connection = connection.arrive()?;
        let peer = connection.peer();
        let tls = self.protocol.load().tls.clone();
        let Some(tls) = tls else { return self.http(peer, connection, ending).await };
        let secured = tokio::select! {
            secured = timeout(HEAD_TIME, tls.accept(connection)) => secured??,
            () = self.stop.requested() => return Ok(()),
        };
        self.http(peer, secured, ending).await
    }

    async fn http<C>(
        self: Arc<Self>,
        peer: Peer,
        connection: C,
        ending: watch::Receiver<()>,
    ) -> Result<(), BoxError>
    where
        C: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let shared = Shared::new(self.service.load().for_peer(peer));
        let answered = self.requests(peer, connection, &shared, ending).await;
        let Some(mut connection) = shared.take_back() else { return answered };
        let activity = (*shared).as_ref();
        match &answered {
            Err(error) if error.is::<Silence>() && activity.is_in_head() => {
                connection.write_all(&shared.refusal(Unreadable::TooSlow)).await?;
                close_gracefully(connection).await;
            }
            Err(error) if error.downcast_ref().is_some_and(hyper::Error::is_parse) => {
                close_gracefully(connection).await
            }
            _ => {}
        }
        answered
    }

    /// Lends the connection to hyper until it has ended, or the client was silent for too long.
    async fn requests<C>(
        self: &Arc<Self>,
        peer: Peer,
        connection: C,
        shared: &Arc<Shared<C>>,
        mut ending: watch::Receiver<()>,
    ) -> Result<(), BoxError>
    where
        C: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let protocol = self.protocol.load_full();
        let answer = service_fn(|request: Request<Incoming>| {
            self.request(peer, request, protocol.head, shared.clone())
        });
        let lent = TokioIo::new(Lent::new(connection, shared.clone()));
        let mut answering = pin!(protocol.http.serve_connection(lent, answer));
        let mut idle = protocol.idle;
        let mut ends = false;
        loop {
            tokio::select! {
                biased;
                answered = &mut answering => return answered,
                _ = ending.changed(), if !ends => {}
                late = (**shared).as_ref().late(idle) => {
                    if ends || late == Late::Head {
                        return Err(Silence.into());
                    }
                    idle += GRACE;
                }
            }
            ends = true;
            answering.as_mut().graceful_shutdown();
        }
    }

    fn request<C: Send + 'static>(
        &self,
        peer: Peer,
        request: Request<Incoming>,
        limits: HeadLimits,
        shared: Arc<Shared<C>>,
    ) -> impl Future<Output = Result<Response<Body>, std::convert::Infallible>> + Send + use<C> {
        let came = shared.came(&request);
        let under_way = UnderWay::on(shared);
        let mut service = self.service.load().for_peer(peer);
        let (request, left) = noted(request);
        let answering = match came.and_then(|follow| limits.check(&request).map(|()| follow)) {
            Ok(follow) => Ok((service.call(request), follow)),
            Err(why) => Err(service.unreadable(why).map(Body::from)),
        };
        async move {
            let _under_way = under_way;
            match answering {
                Ok((answering, follow)) => answering.await.map(|answer| {
                    let is_refusal = answer.status().is_client_error() || answer.status().is_server_error();
                    let is_last = follow == Follow::MayNot || is_refusal && left.is_some();
                    if is_last { last(answer) } else { answer }
                }),
                Err(refusal) if left.is_some() => Ok(last(refusal)),
                Err(refusal) => Ok(refusal),
            }
        }
    }
}

/// The last answer of its connection.
fn last(mut answer: Response<Body>) -> Response<Body> {
    answer.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    answer
}

/// The client was silent for too long.
#[derive(Debug)]
struct Silence;

impl std::fmt::Display for Silence {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the client was silent for too long")
    }
}

impl std::error::Error for Silence {}

/// Reads what the client still sends, so that it gets its answer.
async fn close_gracefully<C: AsyncRead + AsyncWrite + Unpin>(mut connection: C) {
    let listening = async {
        connection.shutdown().await?;
        let (mut buffer, mut heard) = ([0; 8192], 0);
        while heard < LINGER_BYTES {
            match connection.read(&mut buffer).await? {
                0 => break,
                more => heard += more,
            }
        }
        std::io::Result::Ok(())
    };
    // However it ends.
    let _ = timeout(LINGER_TIME, listening).await;
}
