//! A raw `#` in the target of a request: the text after it would be lost, and with it the requirement of a proxy.

use token_tests::programs::{Cli, Daemon};
use token_tests::servers::Standalone;

use crate::wire::send_for;

const FILE: &str = "node:6f9619ff-8b86-d011-b42d-00cf4fc964ff:r";
const OTHER: &str = "node:5f9519ff-8b85-d011-b42d-00cf4fc954ff:r";

/// A sidecar, and a token with access to one file only.
async fn sidecar() -> (Standalone, Daemon, String) {
    let redis = Standalone::start().await;
    let cli = Cli::new(&redis.url());
    let sidecar = cli.serve(&[]).await;
    let token = cli.issue("admin", &format!("-a 10m -s {FILE}")).await;
    (redis, sidecar, token)
}

fn head(first: &str, token: &str, more: &str) -> String {
    format!("{first} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n{more}\r\n")
}

/// The statuses of all responses on one connection.
async fn statuses(sidecar: &Daemon, sent: &str) -> Vec<u16> {
    let answers = send_for(sidecar, sent.as_bytes()).await;
    let status = |part: &str| part.get(..3).and_then(|status| status.parse().ok());
    answers.split("HTTP/1.1 ").filter_map(status).collect()
}

#[tokio::test]
async fn a_raw_number_sign_never_drops_a_requirement() {
    let (_redis, sidecar, token) = sidecar().await;
    for target in [
        format!("/auth/foo#?scope={OTHER}"),
        format!("/auth/#?scope={OTHER}"),
        format!("/auth#?scope={OTHER}"),
        format!("/auth/a?b#&scope={OTHER}"),
        format!("/auth?#&scope={OTHER}"),
        format!("http://x/auth/a#?scope={OTHER}"),
        format!("//auth/a#?scope={OTHER}"),
        "/auth/a#".into(),
    ] {
        let answer =
            send_for(&sidecar, head(&format!("GET {target}"), &token, "connection: close\r\n").as_bytes())
                .await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{target}: {answer}");
        assert!(answer.contains("application/problem+json") && answer.contains("%23"), "{answer}");
    }
    let said = sidecar.all_it_said().await;
    assert_eq!(said.lines().filter(|line| line.contains("access") && line.contains("400")).count(), 8);
}

#[tokio::test]
async fn a_number_sign_is_found_in_every_pipelined_request() {
    let (_redis, sidecar, token) = sidecar().await;
    let good = head("GET /auth/a%23b", &token, "x: #\r\n");
    let bad = head(&format!("GET /auth/a#?scope={OTHER}"), &token, "");
    let posted = head("POST /auth/a", &token, "content-length: 20\r\n") + "GET /auth/# HTTP/1.1";
    let last = head("GET /auth/a", &token, "connection: close\r\n");
    let sent = [&*good, &bad, &posted, &bad, &good, &bad, &last].concat();
    assert_eq!(statuses(&sidecar, &sent).await, [200, 400, 200, 400, 200, 400, 200]);
}

#[tokio::test]
async fn no_request_is_read_after_one_with_an_unknown_end() {
    let (_redis, sidecar, token) = sidecar().await;
    let chunked = head("POST /auth/a", &token, "transfer-encoding: chunked\r\n") + "2\r\n#\n\r\n0\r\n\r\n";
    let bad = head(&format!("GET /auth/a#?scope={OTHER}"), &token, "");
    assert_eq!(statuses(&sidecar, &(chunked + &bad)).await, [200]);
}

/// Each request is sent in pieces, after the response to the previous one.
#[tokio::test]
async fn a_number_sign_is_found_in_later_requests_too() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let (_redis, sidecar, token) = sidecar().await;
    let mut connection = tokio::net::TcpStream::connect(("127.0.0.1", sidecar.port())).await.unwrap();
    connection.set_nodelay(true).unwrap();
    for (target, status) in [("/auth/a", "200"), ("/auth/a#b", "400"), ("/auth/a", "200")] {
        let asked = head(&format!("GET {target}"), &token, "");
        for piece in asked.as_bytes().chunks(9) {
            connection.write_all(piece).await.unwrap();
            tokio::task::yield_now().await;
        }
        let mut answer = [0; 4096];
        let length = connection.read(&mut answer).await.unwrap();
        let answer = String::from_utf8_lossy(&answer[..length]);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{target}: {answer}");
    }
}

#[tokio::test]
async fn a_request_with_two_hosts_is_refused() {
    let (_redis, sidecar, token) = sidecar().await;
    for more in ["host: x\r\n", "Host: y\r\n", "host:\r\n"] {
        let bad = head("GET /auth", &token, more);
        let last = head("GET /auth", &token, "connection: close\r\n");
        assert_eq!(statuses(&sidecar, &[bad, last].concat()).await, [400, 200], "{more}");
    }
}
