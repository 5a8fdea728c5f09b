//! What `token-cli serve --grpc` answers.
//!
//! | service | for |
//! |---|---|
//! | `envoy.service.auth.v3.Authorization` | Envoy's `ext_authz` filter: the same as `/auth` |
//! | `token.v1.TokenService` | administrators, introspectors, and holders about themselves |
//! | `grpc.health.v1.Health` | whoever watches over the process |
//! | `grpc.reflection.v1.ServerReflection`, also `v1alpha` | people, with a client like grpcurl |

mod check;
mod health;
mod observe;
pub mod proto;
mod status;
mod tokens;
mod words;

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::time::timeout;
use tonic::service::Routes;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic_health::pb::health_server::HealthServer;
use tonic_reflection::server::Builder as Reflection;
use tower_layer::Layer;

use self::check::Check;
use self::health::Health;
use self::proto::envoy::service::auth::v3::authorization_server::AuthorizationServer;
use self::proto::token::v1::token_service_server::TokenServiceServer;
use self::tokens::TokenCalls;
use super::Sidecar;
use crate::grpc::GrpcAuth;

/// The longest that a call may take, whatever its client allows. The store's own deadlines are shorter.
const CALL: Duration = Duration::from_secs(20);
/// The longest that calls may still take when the server is told to stop.
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

impl Sidecar {
    /// Answers gRPC calls until it is told to stop; then it finishes what it has begun, within ten seconds.
    ///
    /// # Errors
    /// The listener does not listen any more.
    pub async fn serve_grpc(self, listener: TcpListener, stop: impl Future<Output = ()>) -> io::Result<()> {
        let tokens = self.tokens.clone();
        let health = Health::new().await;
        let routes = self.grpc_routes(&health)?;
        let (stopped, stopping) = oneshot::channel::<()>();
        let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
        let ended = async { _ = stopping.await };
        let mut serving = Box::pin(server().add_routes(routes).serve_with_incoming_shutdown(incoming, ended));
        tokio::select! {
            served = &mut serving => return served.map_err(io::Error::other),
            never = health.watch(&tokens) => match never {},
            () = stop => {}
        }
        health.end().await;
        drop(stopped);
        match timeout(DRAIN, serving).await {
            Ok(served) => served.map_err(io::Error::other),
            Err(_) => Ok(()),
        }
    }

    /// All services.
    fn grpc_routes(self, health: &Health) -> io::Result<Routes> {
        let door = GrpcAuth(self.door());
        let (join, trusted) = (self.trace, self.trusted_proxies.clone());
        let sidecar = Arc::new(self);
        let check = AuthorizationServer::new(Check(sidecar.clone())).max_decoding_message_size(MAX_CHECK);
        let tokens = TokenServiceServer::new(TokenCalls(sidecar)).max_decoding_message_size(MAX_MESSAGE);
        let told = || {
            Reflection::configure()
                .register_encoded_file_descriptor_set(proto::DESCRIPTORS)
                .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        };
        let routes = Routes::new(check)
            .add_service(door.layer(tokens))
            .add_service(HealthServer::new(health.service()).max_decoding_message_size(MAX_MESSAGE))
            .add_service(told().build_v1().map_err(io::Error::other)?)
            .add_service(told().build_v1alpha().map_err(io::Error::other)?);
        let descriptors = [
            proto::DESCRIPTORS,
            tonic_health::pb::FILE_DESCRIPTOR_SET,
            tonic_reflection::pb::v1::FILE_DESCRIPTOR_SET,
            tonic_reflection::pb::v1alpha::FILE_DESCRIPTOR_SET,
        ];
        observe::observed(routes, &descriptors, join, trusted)
    }
}

fn server() -> Server {
    Server::builder()
        .timeout(CALL)
        .max_concurrent_streams(MAX_CALLS)
        .http2_max_header_list_size(MAX_METADATA)
        .http2_keepalive_interval(Some(KEEPALIVE))
}
