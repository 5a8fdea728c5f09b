//! An axum service that lets in whoever presents a live token.
//!
//! `cargo run -p token-http --example axum_service` serves on 127.0.0.1:3000 and prints a token to try it with:
//!
//! ```text
//! curl -H @- http://127.0.0.1:3000/me <<< "Authorization: Bearer $TOKEN"
//! curl -H @- http://127.0.0.1:3000/files/6f9619ff-8b86-d011-b42d-00cf4fc964ff <<< "Authorization: Bearer $TOKEN"
//! ```
#![expect(clippy::print_stdout, reason = "an example talks to whoever runs it")]

use std::error::Error;
use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use http::request::Parts;
use token_core::spi::MemoryStore;
use token_core::{Access, IssueRequest, KeyRing, Lifetime, Prefix, Scope, TokenService};
use token_http::{Authenticated, TokenAuth};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    // Your service keeps its tokens in a `RedisStore` (token-redis): all nodes share it.
    let store = MemoryStore::new(Arc::new(KeyRing::public()));
    let tokens = Arc::new(TokenService::new(store, Prefix::default()));
    let auth = TokenAuth::new(tokens.clone());

    let app = Router::new()
        .route("/me", get(async |who: Authenticated| format!("hello {}\n", who.grant().subject)))
        .layer(auth.clone())
        .merge(Router::new().route("/files/{node}", get(read)).layer(auth.demanding(reading)));

    let request = IssueRequest::new("admin".parse()?, Access::Full, Lifetime::sliding("10m".parse()?));
    println!("TOKEN={}", tokens.issue(&request).await?.token.expose_secret());
    axum::serve(TcpListener::bind("127.0.0.1:3000").await?, app).await?;
    Ok(())
}

async fn read(who: Authenticated) -> String {
    format!("a file for {}\n", who.grant().subject)
}

/// Whoever reads a file needs to read its node. A path that names none demands what no restricted token has.
fn reading(request: &Parts) -> Vec<Scope> {
    let node = request.uri.path().rsplit('/').next().and_then(token_core::parse_node).unwrap_or_default();
    vec![Scope { node, permission: token_core::Permission::READ }]
}
