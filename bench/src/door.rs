//! The bare handler to which `/auth` is compared: a separate process, like `token-cli serve`.
//!
//! It does only what any authentication with Redis must do: it reads the header, sends one EVALSHA of a script of two calls,
//! and responds with 200 or 401.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use http::{HeaderMap, StatusCode, header};
use redis::aio::MultiplexedConnection;

use crate::contestants::floor::{WINDOW, load_script};
use crate::outcome::Outcome;

struct Bare {
    connection: MultiplexedConnection,
    script: String,
}

/// Serves on this port of loopback until it is killed.
pub(crate) async fn run(redis: &str, port: u16) -> Outcome<()> {
    let mut connection = redis::Client::open(redis)?.get_multiplexed_async_connection().await?;
    let script = load_script(&mut connection).await?;
    let router = Router::new().route("/auth", get(auth)).with_state(Arc::new(Bare { connection, script }));
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    Ok(axum::serve(listener, router).await?)
}

/// The text after `Bearer ` is the key of a record.
async fn auth(State(bare): State<Arc<Bare>>, headers: HeaderMap) -> StatusCode {
    let key =
        headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    let Some(key) = key else { return StatusCode::UNAUTHORIZED };
    let mut command = redis::cmd("EVALSHA");
    command.arg(&bare.script).arg(1).arg(key).arg(WINDOW);
    match command.query_async::<Option<Vec<u8>>>(&mut bare.connection.clone()).await {
        Ok(Some(_)) => StatusCode::OK,
        Ok(None) => StatusCode::UNAUTHORIZED,
        Err(_) => StatusCode::SERVICE_UNAVAILABLE,
    }
}
