//! A plain hyper service behind a tower layer: no framework.
//!
//! `cargo run -p token-http --example tower_service` serves on 127.0.0.1:3000 and prints a token to try it with:
//!
//! ```text
//! curl -H @- http://127.0.0.1:3000/ <<< "Authorization: Bearer $TOKEN"
//! ```
#![expect(clippy::print_stdout, reason = "an example talks to whoever runs it")]

use std::convert::Infallible;
use std::error::Error;
use std::sync::Arc;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use token_core::spi::MemoryStore;
use token_core::{Access, IssueRequest, KeyRing, Lifetime, Prefix, TokenService};
use token_http::{Authenticated, TokenAuth};
use tokio::net::TcpListener;
use tower::{ServiceBuilder, service_fn};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    // Your service keeps its tokens in a `RedisStore` (token-redis): all nodes share it.
    let store = MemoryStore::new(Arc::new(KeyRing::public()));
    let tokens = Arc::new(TokenService::new(store, Prefix::default()));
    let service = ServiceBuilder::new().layer(TokenAuth::new(tokens.clone())).service(service_fn(greet));

    let request = IssueRequest::new("admin".parse()?, Access::Full, Lifetime::sliding("10m".parse()?));
    println!("TOKEN={}", tokens.issue(&request).await?.token.expose_secret());

    let listener = TcpListener::bind("127.0.0.1:3000").await?;
    loop {
        let (connection, _) = listener.accept().await?;
        let service = TowerToHyperService::new(service.clone());
        tokio::spawn(async move {
            Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(connection), service).await
        });
    }
}

/// The layer has let them in, noted who they are, and taken the token out of the headers.
async fn greet(request: Request<Incoming>) -> Result<Response<String>, Infallible> {
    let who = request.extensions().get::<Authenticated>();
    let user = who.map(|who| who.grant().subject.to_string()).unwrap_or_default();
    Ok(Response::new(format!("hello {user}\n")))
}
