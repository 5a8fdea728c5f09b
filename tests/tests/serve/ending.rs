//! How it shuts down.

use std::process::Command;
use std::time::Duration;

use token_tests::programs::Cli;
use token_tests::servers::{ClientCertificates, Standalone};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::listening::serve_with_certificate;

/// On SIGTERM, a request under way is answered, on any thread; a new connection is refused, and one that waits for its next
/// request is closed.
#[tokio::test]
async fn requests_under_way_are_finished() {
    let redis = Standalone::start().await;
    let cli = Cli::new(&redis.url());
    let token = cli.issue("admin", "-a 10m").await;
    let sidecar = cli.serve(&["--introspector", "admin", "--threads", "2"]).await;
    let form = format!("token={token}");
    let head = format!(
        "POST /introspect HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: Bearer {token}\r\n\
         content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n",
        form.len()
    );
    let mut begun = Vec::new();
    for _ in 0..4 {
        let mut connection = TcpStream::connect(("127.0.0.1", sidecar.port())).await.unwrap();
        connection.write_all(head.as_bytes()).await.unwrap();
        begun.push(connection);
    }
    let mut idle = TcpStream::connect(("127.0.0.1", sidecar.port())).await.unwrap();
    idle.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let mut answer = [0; 1024];
    let length = idle.read(&mut answer).await.unwrap();
    assert!(answer[..length].starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer[..length]));
    until(|| async { sidecar.said().contains("listening") }).await;

    let id = sidecar.process_id().to_string();
    assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
    until(|| async { TcpStream::connect(("127.0.0.1", sidecar.port())).await.is_err() }).await;
    // Long before the idle timeout.
    let closed = tokio::time::timeout(Duration::from_secs(5), idle.read(&mut [0; 1024])).await;
    assert_eq!(closed.unwrap().unwrap(), 0, "no request was under way there");
    for mut connection in begun {
        connection.write_all(form.as_bytes()).await.unwrap();
        let mut answer = String::new();
        connection.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("\"active\":true"), "{answer}");
    }
    until(|| async { sidecar.exit_code().is_some() }).await;
    assert_eq!(sidecar.exit_code(), Some(0));
}

/// A client that stalls in its TLS handshake does not delay it, nor does one that stalls in its request after a second signal.
#[tokio::test]
async fn a_silent_client_does_not_delay_the_shutdown() {
    let redis = Standalone::start().await;
    let cli = Cli::new(&redis.url());
    let secure = Standalone::start_tls(ClientCertificates::Optional).await;
    let secure = serve_with_certificate(&cli, &secure, &[]).await;
    let plain = cli.serve(&[]).await;
    let _silent = TcpStream::connect(("127.0.0.1", secure.port())).await.unwrap();
    let mut half = TcpStream::connect(("127.0.0.1", plain.port())).await.unwrap();
    half.write_all(b"GET /auth HTTP/1.1\r\nhost:").await.unwrap();

    tokio::time::timeout(Duration::from_secs(5), async {
        secure.terminate();
        assert_eq!(secure.until_it_ends().await.code(), Some(0));
        plain.terminate();
        until(|| async { plain.said().contains("told to stop") }).await;
        plain.terminate();
        assert_eq!(plain.until_it_ends().await.code(), Some(3));
    })
    .await
    .expect("long before the timeout of silent clients");
}

async fn until<F: Future<Output = bool>>(mut is: impl FnMut() -> F) {
    for _ in 0..1_000 {
        if is().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("it never came to that");
}
