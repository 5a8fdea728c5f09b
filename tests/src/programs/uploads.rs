//! Requests that every proxy must pass with its default buffers: large uploads, and tokens with the maximum number of scopes.

use std::collections::HashMap;
use std::fs::File;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use futures_util::TryStreamExt;
use tokio::net::TcpListener;

use super::cli::Cli;
use super::curl::{With, curl};

const LARGE: u64 = 300_000_000;

/// Issues a token with the maximum number of scopes, of which this is one.
pub async fn most_scopes(cli: &Cli, scope: &str) -> String {
    let others = (1..256).map(|node| format!(" -s node:00000000-0000-0000-0000-{node:012x}:rw"));
    cli.issue("admin", &format!("-a 10m -s {scope}{}", others.collect::<String>())).await
}

/// Uploads 300 MB below this URL, with a length and in chunks, with a token and without. `taken` returns how many bytes of a
/// name the service has received, if any; `said` returns the log of the proxy.
///
/// # Panics
/// The proxy or the service does not accept the upload, or accepts it without a token.
pub async fn takes_large_uploads(
    cli: &Cli,
    url: &str,
    taken: impl Fn(&str) -> Option<u64>,
    said: impl Fn() -> String,
) {
    let source = cli.home().join("large");
    let sparse = File::create(&source).and_then(|file| file.set_len(LARGE));
    sparse.expect("room for a sparse file");
    let source = source.display().to_string();
    let token = cli.issue("admin", "-a 1h").await;
    for (name, header) in [("length", "X-Nothing: 1"), ("chunks", "Transfer-Encoding: chunked")] {
        let arguments = ["--upload-file", &source, "--header", header, "--max-time", "300"];
        let put = curl(&format!("{url}{name}"), With::Bearer(&token), &arguments).await;
        assert_eq!(put.status, 201, "{name}: {put:?} {}", said());
        assert_eq!(taken(name), Some(LARGE), "{name}");
        let refused = curl(&format!("{url}refused"), With::Nothing, &arguments).await;
        assert_eq!(refused.status, 401, "{name}: {refused:?}");
    }
    assert_eq!(taken("refused"), None);
}

type Taken = Arc<Mutex<HashMap<String, u64>>>;

/// A service that accepts every body and responds with 201, the user and the scopes that the proxy sent, and the `Connection`
/// header of the request in `X-Seen-Connection`. It runs as long as the runtime of its test.
#[derive(Debug)]
pub struct Upstream {
    port: u16,
    taken: Taken,
}

impl Upstream {
    /// Starts it on a free port of loopback.
    ///
    /// # Panics
    /// It cannot listen.
    pub async fn start() -> Self {
        let taken = Taken::default();
        let router = Router::new().fallback(take).with_state(taken.clone());
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let port = listener.local_addr().expect("it listens").port();
        tokio::spawn(async { axum::serve(listener, router).await });
        Self { port, taken }
    }

    /// The port it listens on.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its URL, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The size of the last body for this path; `None` if there was no request for it.
    ///
    /// # Panics
    /// Another test panicked with it.
    #[must_use]
    pub fn taken(&self, path: &str) -> Option<u64> {
        self.taken.lock().expect("no test panics with it").get(path).copied()
    }
}

/// The header that repeats the `Connection` of the request.
const SEEN: HeaderName = HeaderName::from_static("x-seen-connection");

async fn take(
    State(taken): State<Taken>,
    request: Request,
) -> Result<(StatusCode, HeaderMap, String), StatusCode> {
    let path = request.uri().path().to_owned();
    let named = ["x-token-user", "x-token-scopes"].map(|name| {
        let value = request.headers().get(name).and_then(|value| value.to_str().ok());
        value.unwrap_or("nothing").to_owned()
    });
    let connection = request.headers().get(header::CONNECTION).cloned();
    // Recorded before the body arrives, so that a request that must not reach the service is seen even if it is cut off.
    taken.lock().expect("no test panics with it").insert(path.clone(), 0);
    let count = async |sum, data: axum::body::Bytes| Ok(sum + data.len() as u64);
    let body = request.into_body().into_data_stream().try_fold(0, count).await;
    let bytes = body.map_err(|_| StatusCode::BAD_REQUEST)?;
    taken.lock().expect("no test panics with it").insert(path, bytes);
    let seen = connection.map(|connection| (SEEN, connection)).into_iter().collect();
    Ok((StatusCode::CREATED, seen, named.join(" ")))
}
