//! Request heads that are too large, not HTTP, or endless, and connections that wait for their next request.

use std::time::{Duration, Instant};

use token_tests::programs::{Cli, Daemon};
use token_tests::servers::Standalone;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::wire::{request, send_for};

async fn sidecar(more: &[&str]) -> (Standalone, Daemon) {
    let redis = Standalone::start().await;
    let sidecar = Cli::new(&redis.url()).serve(more).await;
    (redis, sidecar)
}

fn is_problem(answer: &str, status: u16) -> bool {
    answer.starts_with(&format!("HTTP/1.1 {status} "))
        && answer.to_lowercase().contains("content-type: application/problem+json")
        && answer.contains(&format!("\"status\":{status}"))
}

/// Just above the limit, and far above the amount that is read at all.
#[tokio::test]
async fn a_head_that_is_too_large_is_answered_counted_and_logged() {
    let (_redis, sidecar) = sidecar(&["--max-header-size", "8k", "--max-headers", "20"]).await;
    let filler = |size: usize| format!("x: {}", "a".repeat(size)).into_bytes();
    let many = |number: usize| [b"x: y\r\n".repeat(number), b"z: z".to_vec()].concat();
    let long = |size: usize| format!("GET /auth?{}", "a".repeat(size));
    for (asked, status) in [
        (request("GET /healthz", &filler(8 * 1024)), 431),
        (request("GET /healthz", &filler(500 * 1024)), 431),
        (request("GET /healthz", &many(20)), 431),
        (request("GET /healthz", &many(5_000)), 431),
        (request(&long(9_000), b"a: b"), 414),
        (request(&long(300_000), b"a: b"), 414),
        (b"\x16\x03\x01 this is TLS\r\n\r\n".to_vec(), 400),
        (b"GET / HTTP/1.1\r\nno colon\r\n\r\n".to_vec(), 400),
    ] {
        let answer = send_for(&sidecar, &asked).await;
        assert!(is_problem(&answer, status), "{status}: {answer}");
    }
    assert!(send_for(&sidecar, &request("GET /healthz", &many(10))).await.starts_with("HTTP/1.1 200"));
    let metrics = send_for(&sidecar, &request("GET /metrics", b"a: b")).await;
    for (status, number) in [(431, 4), (414, 2), (400, 2)] {
        let line =
            format!("http_requests_total{{route=\"none\",method=\"other\",status=\"{status}\"}} {number}");
        assert!(metrics.lines().any(|own| own == line), "{line} is not in {metrics}");
    }
    let said = sidecar.all_it_said().await;
    let log = said.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let reasons: Vec<_> = log
        .filter(|line| line["target"] == "access")
        .map(|line| {
            (line["status"].as_u64().unwrap(), line["reason"].as_str().unwrap_or_default().to_owned())
        })
        .collect();
    let expected = [431, 431, 431, 431, 414, 414, 400, 400, 200, 200];
    let reason = |status: u64| match status {
        431 => "head_too_long",
        414 => "url_too_long",
        400 => "invalid_request",
        _ => "",
    };
    let expected: Vec<_> = expected.map(|status| (status, reason(status).to_owned())).into();
    assert_eq!(reasons, expected, "{said}");
}

#[tokio::test]
async fn http_2_is_answered_431_too() {
    let (_redis, sidecar) = sidecar(&["--max-header-size", "8k"]).await;
    let mut curl = tokio::process::Command::new(token_tests::programs::program("curl", "curl"));
    curl.args(["--silent", "--http2-prior-knowledge", "--write-out", " %{http_code}", "--header"]);
    curl.arg(format!("x: {}", "a".repeat(20_000))).arg(format!("{}/healthz", sidecar.url()));
    let answer = String::from_utf8(curl.output().await.unwrap().stdout).unwrap();
    assert!(answer.contains("\"status\":431") && answer.ends_with(" 431"), "{answer}");
}

#[tokio::test]
async fn a_head_that_never_ends_is_answered_408() {
    let (_redis, sidecar) = sidecar(&[]).await;
    let answer = send_for(&sidecar, b"GET /auth HTTP/1.1\r\nhost: x\r\n").await;
    assert!(is_problem(&answer, 408), "{answer}");
}

#[tokio::test]
async fn a_long_body_that_is_announced_is_refused_unsent() {
    let (_redis, sidecar) = sidecar(&[]).await;
    for expect in ["expect: 100-continue\r\n", ""] {
        let headers =
            format!("{expect}content-type: application/x-www-form-urlencoded\r\ncontent-length: 3000000");
        let answer = send_for(&sidecar, &request("POST /revoke", headers.as_bytes())).await;
        assert!(is_problem(&answer, 413), "{answer}");
    }
}

async fn ask(connection: &mut TcpStream) {
    connection.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let mut answer = [0; 4096];
    let length = connection.read(&mut answer).await.unwrap();
    assert!(answer[..length].starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer[..length]));
}

/// Longer than the limit of ten seconds for a head.
#[tokio::test]
async fn an_idle_connection_outlives_the_time_of_a_head() {
    let (_redis, sidecar) = sidecar(&[]).await;
    let mut connection = TcpStream::connect(("127.0.0.1", sidecar.port())).await.unwrap();
    ask(&mut connection).await;
    let closed = timeout(Duration::from_secs(13), connection.read(&mut [0; 1])).await;
    assert!(closed.is_err(), "it is still open");
    ask(&mut connection).await;
}

#[tokio::test]
async fn an_idle_connection_is_closed_after_its_time() {
    let (_redis, sidecar) = sidecar(&["--idle-timeout", "1s"]).await;
    let mut connection = TcpStream::connect(("127.0.0.1", sidecar.port())).await.unwrap();
    // Measured from before it is idle, so that a delay here cannot make the time look shorter.
    let begun = Instant::now();
    ask(&mut connection).await;
    let read = timeout(Duration::from_secs(30), connection.read(&mut [0; 1])).await;
    assert_eq!(read.expect("it is closed").unwrap(), 0);
    assert!(begun.elapsed() >= Duration::from_secs(1), "not before");
}

/// An idle time shorter than the limit for a head is not rounded up to it: the other connection starts earlier, and takes ten
/// seconds.
#[tokio::test]
async fn a_short_idle_time_ends_before_the_time_of_a_head() {
    let (_redis, sidecar) = sidecar(&["--idle-timeout", "1s"]).await;
    let mut silent = TcpStream::connect(("127.0.0.1", sidecar.port())).await.unwrap();
    let mut idle = TcpStream::connect(("127.0.0.1", sidecar.port())).await.unwrap();
    ask(&mut idle).await;
    let (mut one, mut other) = ([0; 1], [0; 1]);
    tokio::select! {
        closed = idle.read(&mut one) => assert_eq!(closed.unwrap(), 0),
        _ = silent.read(&mut other) => panic!("the idle connection is still open"),
    }
}

#[tokio::test]
async fn a_connection_may_be_idle_for_75_seconds_by_default() {
    let ran = Cli::new("redis://127.0.0.1:1").run("serve --print-config", "").await;
    assert!(ran.stdout.lines().any(|line| line == "idle-timeout = \"1m15s\""), "{}", ran.stdout);
}
