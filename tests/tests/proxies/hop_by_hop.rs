//! A proxy removes the headers that `Connection` names (RFC 9110 §7.6.1). A client must not remove identity headers that way.

use token_tests::programs::{CaddyFolder, Cli, Daemon, HaproxyFolder, Upstream};
use token_tests::servers::Standalone;

use crate::clients::{Answer, With, curl};
use crate::published::Office;

/// A `Connection` header that names all identity headers.
const NAMED: &str = "Connection: close, X-Token-User, X-Token-Id, X-Token-Scopes, X-Token-Label";

/// A sidecar and a service, for a proxy between them.
pub(crate) struct Ends {
    _redis: Standalone,
    cli: Cli,
    pub(crate) sidecar: Daemon,
    pub(crate) service: Upstream,
}

impl Ends {
    pub(crate) async fn open() -> Self {
        let redis = Standalone::start().await;
        let cli = Cli::new(&redis.url());
        let sidecar = cli.serve(&[]).await;
        Self { _redis: redis, cli, sidecar, service: Upstream::start().await }
    }

    pub(crate) async fn ask(&self, url: &str, headers: &[&str]) -> Answer {
        let token = self.cli.issue("admin", "-a 10m").await;
        let headers: Vec<_> = headers.iter().flat_map(|header| ["--header", header]).collect();
        curl(url, With::Bearer(&token), &headers).await
    }
}

/// The identity headers arrive, and `Connection` does not name them to the next proxy.
pub(crate) fn expect_identity(answer: &Answer) {
    assert_eq!((answer.status, answer.body.as_str()), (201, "admin *"), "{answer:?}");
    let named = answer.header("x-seen-connection").unwrap_or_default().to_lowercase();
    assert!(!named.contains("x-token"), "{answer:?}");
}

#[tokio::test]
async fn caddy_keeps_identity_headers_that_connection_names() {
    let ends = Ends::open().await;
    let caddy = CaddyFolder::in_front_of(&ends.service.url(), &ends.sidecar.url()).await;
    expect_identity(&ends.ask(&caddy.url(), &[NAMED]).await);
}

#[tokio::test]
async fn haproxy_keeps_identity_headers_that_connection_names() {
    let ends = Ends::open().await;
    let haproxy = HaproxyFolder::in_front_of(ends.service.port(), &ends.sidecar.url()).await;
    expect_identity(&ends.ask(&haproxy.url(), &[NAMED]).await);
}

#[tokio::test]
async fn nginx_keeps_identity_headers_that_connection_names() {
    let office = Office::of_book().await;
    std::fs::write(office.folder.files().join("note"), "hello").unwrap();
    let token = office.cli.issue("admin", &format!("-a 10m -s {}:rw", crate::published::NODE)).await;
    let answer = curl(&office.file("note"), With::Bearer(&token), &["--header", NAMED]).await;
    assert_eq!((answer.status, answer.header("x-seen-user")), (200, Some("[admin]")), "{answer:?}");
    assert!(answer.header("x-seen-scopes").is_some_and(|scopes| scopes.len() > 2), "{answer:?}");
}

/// An upgrade to WebSocket needs its `Connection` header.
const UPGRADE: [&str; 2] = ["Connection: Upgrade, X-Token-Scopes", "Upgrade: websocket"];

#[tokio::test]
async fn caddy_still_passes_an_upgrade_on() {
    let ends = Ends::open().await;
    let caddy = CaddyFolder::in_front_of(&ends.service.url(), &ends.sidecar.url()).await;
    let answer = ends.ask(&caddy.url(), &UPGRADE).await;
    expect_identity(&answer);
    assert_eq!(answer.header("x-seen-connection"), Some("Upgrade"));
}

#[tokio::test]
async fn haproxy_still_passes_an_upgrade_on() {
    let ends = Ends::open().await;
    let haproxy = HaproxyFolder::in_front_of(ends.service.port(), &ends.sidecar.url()).await;
    let key = ["Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version: 13"];
    let answer = ends.ask(&haproxy.url(), &[UPGRADE, key].concat()).await;
    expect_identity(&answer);
    assert_eq!(answer.header("x-seen-connection"), Some("Upgrade"));
}
