//! A failing store causes few connections and few log lines, however many clients send requests.

use token_tests::programs::{Cli, Daemon};
use token_tests::servers::{Server, Standalone};
use tokio::net::TcpListener;

use crate::until;
use crate::wire::{request, send};

async fn connections(server: &Server) -> u64 {
    let stats: String = server.command(&["INFO", "stats"]).await;
    let line = stats.lines().find_map(|line| line.strip_prefix("total_connections_received:"));
    line.unwrap().trim().parse().unwrap()
}

/// Sends three requests one after the other, and three more from three clients at once.
async fn ask(sidecar: &Daemon, token: &str) {
    let auth = request("GET /auth", format!("authorization: Bearer {token}").as_bytes());
    for _ in 0..3 {
        assert_eq!(send(sidecar, &auth).await, Some(503));
    }
    let all = tokio::join!(send(sidecar, &auth), send(sidecar, &auth), send(sidecar, &auth));
    assert_eq!(all, (Some(503), Some(503), Some(503)));
}

fn warnings(said: &str) -> usize {
    said.lines().filter(|line| line.contains("replaced the connection")).count()
}

#[tokio::test]
async fn a_server_that_becomes_a_replica_gets_few_connections() {
    let redis = Standalone::start().await;
    let cli = Cli::new(&redis.url());
    let token = cli.issue("admin", "-a 10m").await;
    let sidecar = cli.serve(&["--threads", "1"]).await;
    let auth = request("GET /auth", format!("authorization: Bearer {token}").as_bytes());
    until(async || send(&sidecar, &auth).await == Some(200)).await;
    redis.command::<()>(&["REPLICAOF", "127.0.0.1", "1"]).await;
    let before = connections(&redis).await;
    ask(&sidecar, &token).await;
    let made = connections(&redis).await - before;
    assert!(made <= 10, "{made} connections for six requests");
    redis.command::<()>(&["REPLICAOF", "NO", "ONE"]).await;
    until(async || send(&sidecar, &auth).await == Some(200)).await;
    let said = sidecar.all_it_said().await;
    assert!(warnings(&said) <= 1, "each cause once a minute: {said}");
}

#[tokio::test]
async fn a_server_that_accepts_and_closes_causes_few_log_lines() {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    let mut redis = Standalone::start().await;
    let port = redis.port();
    let cli = Cli::new(&redis.url());
    let token = cli.issue("admin", "-a 10m").await;
    let sidecar = cli.serve(&["--threads", "1"]).await;
    let auth = request("GET /auth", format!("authorization: Bearer {token}").as_bytes());
    until(async || send(&sidecar, &auth).await == Some(200)).await;
    redis.kill();
    let mut listener = None;
    until(async || {
        listener = TcpListener::bind(("127.0.0.1", port)).await.ok();
        listener.is_some()
    })
    .await;
    let accepted = Arc::new(AtomicUsize::new(0));
    let (listener, counted) = (listener.unwrap(), accepted.clone());
    let server = tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::Relaxed);
            drop(client);
        }
    });
    let began = tokio::time::Instant::now();
    for _ in 0..100 {
        assert_eq!(send(&sidecar, &auth).await, Some(503));
    }
    server.abort();
    let seconds = usize::try_from(began.elapsed().as_secs()).unwrap() + 1;
    let accepted = accepted.load(Ordering::Relaxed);
    assert!(accepted <= 15 * seconds, "{accepted} connections in {seconds} s for 100 requests");
    let said = sidecar.all_it_said().await;
    assert!(warnings(&said) <= 1, "each cause once a minute: {said}");
}
