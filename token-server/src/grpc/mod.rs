//! What `token-cli serve --grpc` answers.
//!
//! | service | for |
//! |---|---|
//! | `envoy.service.auth.v3.Authorization` | Envoy's `ext_authz` filter: the same as `/auth` |
//! | `token.v1.TokenService` | administrators, introspectors, and holders about themselves |
//! | `grpc.health.v1.Health` | monitoring |
//! | `grpc.reflection.v1.ServerReflection`, also `v1alpha` | people, with a client like grpcurl |

mod check;
mod connection;
mod convert;
mod health;
mod observe;
pub mod proto;
mod status;
mod tokens;

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::io;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use arc_swap::ArcSwap;
use axum::Router;
use axum::body::Body;
use axum::routing::future::RouteFuture;
use http::{Request, Response};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::ReceiverStream;
use tonic::service::Routes;
use tonic::transport::Server;
use tonic_health::pb::health_server::HealthServer;
use tonic_reflection::server::Builder as Reflection;
use tower_layer::Layer;
use tower_service::Service;

use self::check::Check;
use self::connection::Connection;
use self::health::Health;
use self::proto::envoy::service::auth::v3::authorization_server::AuthorizationServer;
use self::proto::token::v1::token_service_server::TokenServiceServer;
use self::tokens::TokenCalls;
use crate::request::client::Peer;
use crate::state::Sidecar;
use token_http::GrpcAuth;

/// The longest that a call may take, whatever its client allows. The store's own deadlines are shorter.
const CALL: Duration = Duration::from_secs(20);
/// The longest that calls may still take when the server has to stop.
const DRAIN: Duration = Duration::from_secs(10);
/// The largest request that Envoy sends: all headers of its client. With `with_request_body` it would be larger.
const MAX_CHECK: usize = 1024 * 1024;
/// The largest request of all others: 256 scopes are 12 KiB.
const MAX_MESSAGE: usize = 64 * 1024;
/// The most metadata of a call.
const MAX_METADATA: u32 = 16 * 1024;
/// How many calls may be under way on one connection. Envoy sends all of its calls on one or a few.
const MAX_CALLS: u32 = 1024;
/// When a connection that says nothing is asked whether there is anybody.
const KEEPALIVE: Duration = Duration::from_secs(30);

/// Answers gRPC calls. Clones answer with the same sidecar, which can be replaced.
#[derive(Clone)]
pub struct Grpc(Arc<Shared>);

struct Shared {
    now: ArcSwap<Answering>,
    health: Health,
}

/// What calls are answered with now.
struct Answering {
    sidecar: Sidecar,
    router: Router,
}

impl Grpc {
    /// Answers with this sidecar.
    ///
    /// # Errors
    /// The descriptors that are built in do not decode.
    pub async fn new(sidecar: Sidecar) -> io::Result<Self> {
        let health = Health::new().await;
        let now = ArcSwap::from_pointee(Answering::of(sidecar, &health)?);
        Ok(Self(Arc::new(Shared { now, health })))
    }

    /// Answers with another sidecar from the next call on, on all connections. Calls that have begun end with the old one.
    ///
    /// # Errors
    /// The descriptors that are built in do not decode; then nothing has changed.
    pub fn replace(&self, sidecar: Sidecar) -> io::Result<()> {
        self.0.now.store(Arc::new(Answering::of(sidecar, &self.0.health)?));
        Ok(())
    }

    /// Answers calls on these connections until it has to stop, then finishes what it has begun, within ten seconds.
    ///
    /// # Errors
    /// The server fails.
    pub async fn serve<C>(
        self,
        connections: mpsc::Receiver<io::Result<(C, Peer)>>,
        stop: impl Future<Output = ()>,
    ) -> io::Result<()>
    where
        C: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let (stopped, stopping) = oneshot::channel::<()>();
        let connections = ReceiverStream::new(connections);
        let connections =
            connections.map(|taken| taken.map(|(connection, peer)| Connection(connection, peer)));
        let routes: Routes = Router::new().fallback_service(self.clone()).into();
        let ended = async { _ = stopping.await };
        let serving = server().add_routes(routes).serve_with_incoming_shutdown(connections, ended);
        let mut serving = Box::pin(serving);
        let health = &self.0.health;
        tokio::select! {
            served = &mut serving => return served.map_err(io::Error::other),
            never = health.watch(|| self.0.now.load_full().sidecar.clone()) => match never {},
            () = stop => {}
        }
        health.clone().end().await;
        drop(stopped);
        match timeout(DRAIN, serving).await {
            Ok(served) => served.map_err(io::Error::other),
            Err(_) => Ok(()),
        }
    }
}

/// Each call is answered by what is there when it comes.
impl Service<Request<Body>> for Grpc {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = RouteFuture<Infallible>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        // A router always is.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        self.0.now.load().router.clone().call(request)
    }
}

/// Without the store, which may know a password.
impl fmt::Debug for Grpc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Grpc").finish_non_exhaustive()
    }
}

impl Answering {
    fn of(sidecar: Sidecar, health: &Health) -> io::Result<Self> {
        let router = sidecar.clone().grpc_routes(health)?.into_axum_router();
        Ok(Self { sidecar, router })
    }
}

impl Sidecar {
    /// All services.
    fn grpc_routes(self, health: &Health) -> io::Result<Routes> {
        let auth = GrpcAuth(self.auth());
        let observer = observe::Observer::of(&self);
        let sidecar = Arc::new(self);
        let check = AuthorizationServer::new(Check(sidecar.clone())).max_decoding_message_size(MAX_CHECK);
        let tokens = TokenServiceServer::new(TokenCalls(sidecar)).max_decoding_message_size(MAX_MESSAGE);
        let reflection = || {
            Reflection::configure()
                .register_encoded_file_descriptor_set(proto::DESCRIPTORS)
                .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        };
        let routes = Routes::new(check)
            .add_service(auth.layer(tokens))
            .add_service(HealthServer::new(health.service()).max_decoding_message_size(MAX_MESSAGE))
            .add_service(reflection().build_v1().map_err(io::Error::other)?)
            .add_service(reflection().build_v1alpha().map_err(io::Error::other)?);
        let descriptors = [
            proto::DESCRIPTORS,
            tonic_health::pb::FILE_DESCRIPTOR_SET,
            tonic_reflection::pb::v1::FILE_DESCRIPTOR_SET,
            tonic_reflection::pb::v1alpha::FILE_DESCRIPTOR_SET,
        ];
        observe::observed(routes, &descriptors, observer)
    }
}

fn server() -> Server {
    Server::builder()
        .timeout(CALL)
        .max_concurrent_streams(MAX_CALLS)
        .http2_max_header_list_size(MAX_METADATA)
        .http2_keepalive_interval(Some(KEEPALIVE))
}
