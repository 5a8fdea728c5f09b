//! Bytes that no well-behaved client library would send.

use std::time::Duration;

use token_tests::programs::{Cli, Daemon};
use token_tests::servers::Standalone;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// How long a response may take: well above every limit of the sidecar.
const ANSWER: Duration = Duration::from_secs(40);

/// Sends these bytes over a new connection, and returns the status, if there is one.
pub(crate) async fn send(sidecar: &Daemon, bytes: &[u8]) -> Option<u16> {
    let answer = send_for(sidecar, bytes).await;
    answer.split(' ').nth(1)?.parse().ok()
}

/// The same, but returns everything that is received until the sidecar closes the connection.
pub(crate) async fn send_for(sidecar: &Daemon, bytes: &[u8]) -> String {
    let mut connection = TcpStream::connect(("127.0.0.1", sidecar.port())).await.unwrap();
    // The sidecar may close the connection before it has read everything.
    let _ = connection.write_all(bytes).await;
    let mut answer = Vec::new();
    let read = tokio::time::timeout(ANSWER, connection.read_to_end(&mut answer)).await;
    let _ = read.expect("it answers or closes in time");
    String::from_utf8_lossy(&answer).into_owned()
}

/// A request with these lines after the first one.
pub(crate) fn request(first: &str, headers: &[u8]) -> Vec<u8> {
    [first.as_bytes(), b" HTTP/1.1\r\nhost: x\r\nconnection: close\r\n", headers, b"\r\n\r\n"].concat()
}

/// `socat` and some probes close their side of the connection after the request.
#[tokio::test]
async fn a_client_that_ends_its_side_gets_its_answer() {
    let redis = Standalone::start().await;
    let cli = Cli::new(&redis.url());
    let sidecar = cli.serve(&[]).await;
    for path in ["/auth", "/metrics", "/readyz"].repeat(5) {
        let mut connection = TcpStream::connect(("127.0.0.1", sidecar.port())).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n");
        connection.write_all(request.as_bytes()).await.unwrap();
        connection.shutdown().await.unwrap();
        let mut answer = String::new();
        let read = tokio::time::timeout(ANSWER, connection.read_to_string(&mut answer)).await;
        read.expect("it answers and closes").unwrap();
        assert!(answer.starts_with("HTTP/1.1 "), "{path}: {answer:?}");
    }
}

/// RFC 9112 §6.1: the content of such a body cannot be decoded.
#[tokio::test]
async fn an_unknown_transfer_coding_is_refused() {
    let redis = Standalone::start().await;
    let cli = Cli::new(&redis.url());
    let sidecar = cli.serve(&[]).await;
    let post = async |coding: &str, path: &str| {
        let headers = format!("transfer-encoding: {coding}\r\n\r\n0");
        send(&sidecar, &request(&format!("POST {path}"), headers.as_bytes())).await
    };
    for path in ["/auth", "/revoke"] {
        assert_eq!(post("gzip, chunked", path).await, Some(501), "{path}");
        assert_ne!(post("Chunked", path).await, Some(501), "{path}");
    }
}

/// RFC 9112 §3.2. The OAuth metadata would contain such a host.
#[tokio::test]
async fn http_1_1_without_a_valid_host_is_refused() {
    let redis = Standalone::start().await;
    let sidecar = Cli::new(&redis.url()).serve(&[]).await;
    for path in ["/healthz", "/auth", "/.well-known/oauth-authorization-server"] {
        for host in ["", "host: a b\r\n", "host: u@a\r\n", "host: a/b\r\n", "host: a\r\nhost: a\r\n"] {
            let sent = format!("GET {path} HTTP/1.1\r\nconnection: close\r\n{host}\r\n");
            let answer = send_for(&sidecar, sent.as_bytes()).await;
            assert!(
                answer.starts_with("HTTP/1.1 400 ") && answer.contains("Host header"),
                "{host}: {answer}"
            );
        }
    }
    for good in [
        "GET /healthz HTTP/1.0\r\n\r\n",
        "GET /healthz HTTP/1.1\r\nconnection: close\r\nhost:\r\n\r\n",
        "GET /healthz HTTP/1.1\r\nconnection: close\r\nhost: [::1]:80\r\n\r\n",
    ] {
        let answer = send_for(&sidecar, good.as_bytes()).await;
        assert!(answer.contains(" 200 "), "{good}: {answer}");
    }
}

/// A response with status 200 would open a tunnel.
#[tokio::test]
async fn connect_is_never_granted() {
    let redis = Standalone::start().await;
    let cli = Cli::new(&redis.url());
    let sidecar = cli.serve(&[]).await;
    let bearer = format!("authorization: Bearer {}", cli.issue("admin", "-a 10m").await);
    for target in ["/auth", "/healthz", "x:443"] {
        let status = send(&sidecar, &request(&format!("CONNECT {target}"), bearer.as_bytes())).await;
        assert_eq!(status, Some(501), "{target}");
    }
}

/// The rest of the body would be read as the next request.
#[tokio::test]
async fn a_refusal_before_the_body_came_closes_the_connection() {
    let redis = Standalone::start().await;
    let cli = Cli::new(&redis.url());
    let sidecar = cli.serve(&[]).await;
    let bearer = format!("authorization: Bearer {}\r\n", cli.issue("admin", "-a 10m").await);
    for (headers, status) in [
        ("content-type: application/json\r\n".to_owned(), 401),
        (format!("content-type: text/plain\r\n{bearer}"), 415),
        (format!("content-type: application/json\r\n{bearer}"), 408),
    ] {
        let sent = format!("POST /v1/tokens HTTP/1.1\r\nhost: x\r\n{headers}content-length: 9\r\n\r\n{{");
        let answer = send_for(&sidecar, sent.as_bytes()).await.to_lowercase();
        assert!(answer.starts_with(&format!("http/1.1 {status} ")), "{answer}");
        assert!(answer.contains("\r\nconnection: close\r\n"), "{answer}");
    }
}

#[tokio::test]
async fn a_refusal_whose_body_was_read_keeps_the_connection() {
    let redis = Standalone::start().await;
    let cli = Cli::new(&redis.url());
    let sidecar = cli.serve(&[]).await;
    let bearer = format!("authorization: Bearer {}\r\n", cli.issue("admin", "-a 10m").await);
    let post = format!(
        "POST /v1/tokens HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n{bearer}content-length: 2\r\n\r\n[]"
    );
    let last = request("GET /healthz", b"a: b");
    let answers = send_for(&sidecar, &[post.as_bytes(), &last].concat()).await;
    assert!(answers.starts_with("HTTP/1.1 400 ") && answers.contains("HTTP/1.1 200 "), "{answers}");
}
