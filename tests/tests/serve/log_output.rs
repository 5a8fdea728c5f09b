//! The output of the log: no request waits for its reader, and lines that cannot be written are dropped and counted.

use std::fs::File;
use std::io::{PipeReader, Read};
use std::os::fd::OwnedFd;

use serde_json::Value;
use token_tests::programs::{Cli, Daemon};
use token_tests::servers::Standalone;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::wire::{request, send, send_for};

/// More lines than fit the pipe and the queue of the process.
const ENOUGH: usize = 100_000;
const AT_ONCE: usize = 100;

async fn sidecar(log: &File) -> (Standalone, Cli, Daemon) {
    let redis = Standalone::start().await;
    let cli = Cli::new(&redis.url());
    let sidecar = cli.serve_to(log, &[]).await;
    (redis, cli, sidecar)
}

fn pipe() -> (PipeReader, File) {
    let (reader, writer) = std::io::pipe().unwrap();
    (reader, OwnedFd::from(writer).into())
}

async fn dropped(sidecar: &Daemon) -> u64 {
    let metrics = send_for(sidecar, &request("GET /metrics", b"accept: text/plain")).await;
    let value = metrics.lines().find_map(|line| line.strip_prefix("token_log_lines_dropped_total "));
    value.unwrap_or_else(|| panic!("{metrics}")).parse().unwrap()
}

/// Sends this many requests over one connection, in batches, and checks that every response arrives.
async fn ask(sidecar: &Daemon, times: usize) {
    let mut connection = TcpStream::connect(("127.0.0.1", sidecar.port())).await.unwrap();
    let one = b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n";
    let mut answers = vec![0; 64 * 1024];
    for _ in 0..times / AT_ONCE {
        connection.write_all(&one.repeat(AT_ONCE)).await.unwrap();
        let (mut answered, mut rest) = (0, Vec::new());
        while answered < AT_ONCE {
            let read = connection.read(&mut answers).await.unwrap();
            assert_ne!(read, 0, "it still answers");
            rest.extend_from_slice(&answers[..read]);
            let text = String::from_utf8_lossy(&rest);
            answered = text.matches("HTTP/1.1 200 OK").count();
        }
    }
}

async fn ask_until_lines_are_dropped(sidecar: &Daemon) {
    for _ in 0..ENOUGH / 5_000 {
        ask(sidecar, 5_000).await;
        if dropped(sidecar).await > 0 {
            return;
        }
    }
    panic!("no line was dropped");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_log_reader_blocks_nothing_and_learns_the_loss() {
    let (mut reader, writer) = pipe();
    let (_redis, _cli, sidecar) = sidecar(&writer).await;
    drop(writer);
    ask_until_lines_are_dropped(&sidecar).await;
    let missed = dropped(&sidecar).await;

    let reading = std::thread::spawn(move || {
        let mut said = String::new();
        reader.read_to_string(&mut said).map(|_| said)
    });
    assert_eq!(send(&sidecar, &request("GET /healthz", b"a: b")).await, Some(200));
    sidecar.terminate();
    assert!(sidecar.until_it_ends().await.success());
    let said = reading.join().unwrap().unwrap();
    let lines: Vec<Value> = said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let told: u64 = lines.iter().filter_map(|line| line["lines"].as_u64()).sum();
    assert!(told >= missed, "{missed} lines were dropped, {told} were reported");
    let answered = lines.iter().filter(|line| line["message"] == "answered").count();
    assert!(answered > 1_000, "the other lines are written: {answered}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_never_reads_does_not_delay_the_shutdown() {
    let (_reader, writer) = pipe();
    let (_redis, _cli, sidecar) = sidecar(&writer).await;
    ask_until_lines_are_dropped(&sidecar).await;
    sidecar.terminate();
    assert!(sidecar.until_it_ends().await.success());
}

#[tokio::test]
async fn a_full_disk_and_a_closed_pipe_lose_lines_and_no_request() {
    let (reader, closed) = pipe();
    drop(reader);
    let full = File::options().write(true).open("/dev/full").unwrap();
    for log in [closed, full] {
        let (_redis, cli, sidecar) = sidecar(&log).await;
        let bearer = format!("authorization: Bearer {}", cli.issue("admin", "-a 10m").await);
        let mut counted = 0;
        for _ in 0..200 {
            assert_eq!(send(&sidecar, &request("GET /auth", bearer.as_bytes())).await, Some(200));
            counted = dropped(&sidecar).await;
            if counted > 10 {
                break;
            }
        }
        assert!(counted > 10, "{counted} lines were dropped");
        sidecar.terminate();
        assert!(sidecar.until_it_ends().await.success());
    }
}
