//! Its threads: connections are spread over them, and each has its own connection to the store.

use std::fs;

use token_tests::programs::{Cli, Daemon};
use token_tests::servers::Standalone;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::wire::{request, send_for};

const THREADS: usize = 3;

/// Sends a request over a connection that stays open.
async fn auth(connection: &mut TcpStream, token: &str) -> String {
    let asked = format!("GET /auth HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\r\n");
    connection.write_all(asked.as_bytes()).await.unwrap();
    read(connection).await
}

/// A response, which arrives in one piece.
async fn read(connection: &mut TcpStream) -> String {
    let mut answer = [0; 4096];
    let length = connection.read(&mut answer).await.unwrap();
    assert_ne!(length, 0, "it stays open");
    String::from_utf8_lossy(&answer[..length]).into_owned()
}

async fn connect(sidecar: &Daemon) -> Vec<TcpStream> {
    let mut connections = Vec::new();
    for _ in 0..THREADS {
        connections.push(TcpStream::connect(("127.0.0.1", sidecar.port())).await.unwrap());
    }
    connections
}

fn threads(sidecar: &Daemon) -> usize {
    let tasks = fs::read_dir(format!("/proc/{}/task", sidecar.process_id())).unwrap();
    let names = tasks.map(|task| fs::read_to_string(task.unwrap().path().join("comm")).unwrap_or_default());
    names.filter(|name| name.starts_with("core-")).count()
}

#[tokio::test]
async fn serve_runs_as_many_threads_as_configured() {
    let redis = Standalone::start().await;
    let cli = Cli::new(&redis.url());
    let sidecar = cli.serve(&["--threads", &THREADS.to_string()]).await;
    assert_eq!(threads(&sidecar), THREADS);
    assert_eq!(cli.run("serve --threads 0", "").await.code, 2);
}

/// Each new connection goes to the thread with the fewest: if there are as many connections as threads, each thread has one.
///
/// A thread notices a lost connection to the store when it uses it, so this test shows that each thread had its own, and has
/// replaced it.
#[tokio::test]
async fn each_thread_has_its_own_connection_and_replaces_a_lost_one() {
    let mut redis = Standalone::start().await;
    let cli = Cli::new(&redis.url());
    let sidecar = cli.serve(&["--threads", &THREADS.to_string()]).await;
    let token = cli.issue("admin", "-a 10m").await;
    let mut connections = connect(&sidecar).await;
    for connection in &mut connections {
        assert!(auth(connection, &token).await.starts_with("HTTP/1.1 200"));
    }
    redis.restart().await;
    let token = cli.issue("admin", "-a 10m").await;
    for connection in &mut connections {
        assert!(auth(connection, &token).await.starts_with("HTTP/1.1 200"));
    }
    let metrics = send_for(&sidecar, &request("GET /metrics", b"")).await;
    let line = format!("token_redis_connection_swaps_total {THREADS}");
    assert!(metrics.lines().any(|own| own == line), "{metrics}");
}

#[tokio::test]
async fn a_limit_applies_to_all_threads_together() {
    let redis = Standalone::start().await;
    let cli = Cli::new(&redis.url());
    let token = cli.issue("admin", "-a 10m").await;
    let sidecar = cli.serve(&["--threads", &THREADS.to_string(), "--at-once", "1", "--admin", "admin"]).await;
    let mut connections = connect(&sidecar).await;
    let begun = format!(
        "POST /introspect HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\nexpect: 100-continue\r\n\
         content-type: application/x-www-form-urlencoded\r\ncontent-length: 7\r\n\r\n"
    );
    connections[0].write_all(begun.as_bytes()).await.unwrap();
    assert!(read(&mut connections[0]).await.starts_with("HTTP/1.1 100"), "it is under way");
    for connection in &mut connections[1..] {
        let answer = auth(connection, &token).await;
        assert!(answer.starts_with("HTTP/1.1 503") && answer.contains("retry-after"), "{answer}");
    }
    connections[0].write_all(b"token=x").await.unwrap();
    assert!(read(&mut connections[0]).await.starts_with("HTTP/1.1 200"));
    for connection in &mut connections[1..] {
        assert!(auth(connection, &token).await.starts_with("HTTP/1.1 200"));
    }
}

#[tokio::test]
async fn the_metrics_of_all_threads_are_added_up() {
    let redis = Standalone::start().await;
    let cli = Cli::new(&redis.url());
    let sidecar = cli.serve(&["--threads", &THREADS.to_string()]).await;
    let token = cli.issue("admin", "-a 10m").await;
    for connection in &mut connect(&sidecar).await {
        assert!(auth(connection, &token).await.starts_with("HTTP/1.1 200"));
    }
    let metrics = send_for(&sidecar, &request("GET /metrics", b"")).await;
    for line in [
        "http_requests_total{route=\"/auth\",method=\"GET\",status=\"200\"} 3",
        "token_validations_total{outcome=\"active\"} 3",
    ] {
        assert!(metrics.lines().any(|own| own == line), "{line} is not in {metrics}");
    }
}
