//! Bytes on a connection: what no well-behaved client library would send.

use std::time::Duration;

use token_tests::programs::Daemon;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// How long an answer may take: well above every limit of the sidecar.
const ANSWER: Duration = Duration::from_secs(40);

/// Sends these bytes over a connection of their own, and answers the status, if there is one.
pub(crate) async fn send(sidecar: &Daemon, bytes: &[u8]) -> Option<u16> {
    let answer = send_for(sidecar, bytes).await;
    answer.split(' ').nth(1)?.parse().ok()
}

/// The same, and answers all that comes back until it closes.
pub(crate) async fn send_for(sidecar: &Daemon, bytes: &[u8]) -> String {
    let mut connection = TcpStream::connect(("127.0.0.1", sidecar.port())).await.unwrap();
    // It may close before it has read everything.
    let _ = connection.write_all(bytes).await;
    let mut answer = Vec::new();
    let read = tokio::time::timeout(ANSWER, connection.read_to_end(&mut answer)).await;
    let _ = read.expect("it answers or closes in time");
    String::from_utf8_lossy(&answer).into_owned()
}

/// A request with these lines behind the first one.
pub(crate) fn request(first: &str, headers: &[u8]) -> Vec<u8> {
    [first.as_bytes(), b" HTTP/1.1\r\nhost: x\r\nconnection: close\r\n", headers, b"\r\n\r\n"].concat()
}
