//! A tonic service behind `GrpcAuth`: here the standard health service, so that the example needs no protos of its own.
//!
//! `cargo run -p token-http --features grpc --example tonic_service` serves, calls itself with a token and without one,
//! and ends.
#![expect(clippy::print_stdout, reason = "an example talks to whoever runs it")]

use std::error::Error;
use std::sync::Arc;

use token_core::spi::MemoryStore;
use token_core::{Access, IssueRequest, KeyRing, Lifetime, Prefix, TokenService};
use token_http::{Authenticated, GrpcAuth, TokenAuth};
use tokio::net::TcpListener;
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Channel, Server};
use tonic::{Request, Response, Status};
use tonic_health::pb::health_client::HealthClient;
use tonic_health::pb::health_server::{Health, HealthServer};
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};

/// A service of yours.
struct Service;

#[tonic::async_trait]
impl Health for Service {
    type WatchStream = tokio_stream::Empty<Result<HealthCheckResponse, Status>>;

    async fn check(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<HealthCheckResponse>, Status> {
        // The layer has let them in, noted who they are, and taken the token out of the metadata.
        let who =
            request.extensions().get::<Authenticated>().ok_or_else(|| Status::internal("no auth layer"))?;
        println!("called by {}", who.grant().subject);
        Ok(Response::new(HealthCheckResponse { status: 1 }))
    }

    async fn watch(&self, _: Request<HealthCheckRequest>) -> Result<Response<Self::WatchStream>, Status> {
        Ok(Response::new(tokio_stream::empty()))
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    // Your service keeps its tokens in a `RedisStore` (token-redis): all nodes share it.
    let store = MemoryStore::new(Arc::new(KeyRing::public()));
    let tokens = Arc::new(TokenService::new(store, Prefix::default()));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = format!("http://{}", listener.local_addr()?);

    // Around all services; `add_service(auth.layer(service))` would guard a single one.
    let auth = GrpcAuth(TokenAuth::new(tokens.clone()));
    let server = Server::builder().layer(auth).add_service(HealthServer::new(Service));
    tokio::spawn(server.serve_with_incoming(TcpIncoming::from(listener)));

    let request = IssueRequest::new("admin".parse()?, Access::Full, Lifetime::sliding("10m".parse()?));
    let issued = tokens.issue(&request).await?;

    let mut client = HealthClient::new(Channel::from_shared(address)?.connect().await?);
    let mut call = Request::new(HealthCheckRequest::default());
    let bearer = format!("Bearer {}", issued.token.expose_secret());
    call.metadata_mut().insert("authorization", bearer.parse()?);
    println!("with a token: {:?}", client.check(call).await?.into_inner());
    match client.check(HealthCheckRequest::default()).await {
        Ok(_) => Err("nobody is let in without a token".into()),
        Err(status) => {
            println!("without one: {:?}, {}", status.code(), status.message());
            Ok(())
        }
    }
}
