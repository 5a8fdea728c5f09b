//! Tests of the servers that other tests run on: their start, their faults, and that nothing of them remains.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "all of this is test code, and one test talks to another"
)]

mod cluster;
mod partitions;
mod proxy;
mod replicated;
mod sentinel;
mod tls;

use std::env;
use std::process::Stdio;
use std::time::Duration;

use redis::AsyncConnectionConfig;
use token_tests::servers::{Server, Standalone};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::Command;
use tokio::time::timeout;

/// Long enough for every event that happens, and short enough to wait for one that does not.
const A_MOMENT: Duration = Duration::from_millis(300);
/// Longer than every event that happens takes.
const LONG: Duration = Duration::from_secs(60);

/// How long a client waits for a reply on a busy machine.
fn patient() -> AsyncConnectionConfig {
    AsyncConnectionConfig::new().set_connection_timeout(Some(LONG)).set_response_timeout(Some(LONG))
}

async fn wait_until_nobody_listens(port: u16) {
    let closed = async {
        while TcpStream::connect(("127.0.0.1", port)).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), closed).await.unwrap();
}

#[tokio::test]
async fn a_standalone_server_answers_and_is_gone_when_it_is_dropped() {
    let server = Standalone::start().await;
    assert_eq!(server.url(), format!("redis://127.0.0.1:{}", server.port()));
    assert_eq!(server.command::<String>(&["SET", "key", "value"]).await, "OK");
    let pong: String = redis::cmd("PING").query_async(&mut server.connection().await).await.unwrap();
    assert_eq!(pong, "PONG");

    let port = server.port();
    drop(server);
    assert!(TcpStream::connect(("127.0.0.1", port)).await.is_err());
}

#[tokio::test]
async fn a_restarted_server_is_empty_and_keeps_its_port_and_arguments() {
    let mut server = Standalone::start_with(&["--maxmemory", "12345678"]).await;
    let port = server.port();
    server.command::<()>(&["SET", "key", "value"]).await;
    server.restart().await;
    assert_eq!(server.port(), port);
    assert_eq!(server.command::<u64>(&["DBSIZE"]).await, 0);
    let limit: [String; 2] = server.command(&["CONFIG", "GET", "maxmemory"]).await;
    assert_eq!(limit, ["maxmemory", "12345678"]);
}

#[tokio::test]
async fn a_paused_server_answers_when_it_is_resumed() {
    let server = Standalone::start().await;
    let mut connection = server.connection().await;
    server.pause();
    assert!(!server.is_running());
    let ping = redis::cmd("PING");
    let mut pong = std::pin::pin!(ping.query_async::<String>(&mut connection));
    assert!(timeout(A_MOMENT, &mut pong).await.is_err());
    server.resume();
    assert_eq!(pong.await.unwrap(), "PONG");
    assert!(server.is_running());
}

#[tokio::test]
#[should_panic(expected = "has ended")]
async fn a_killed_server_cannot_be_paused() {
    let server = Standalone::start().await;
    Server::kill(&server);
    server.pause();
}

#[tokio::test]
async fn a_paused_server_is_gone_when_it_is_dropped() {
    let server = Standalone::start().await;
    let port = server.port();
    server.pause();
    drop(server);
    assert!(TcpStream::connect(("127.0.0.1", port)).await.is_err());
}

#[tokio::test]
async fn a_server_becomes_a_replica_with_all_data_of_the_other_one() {
    let [primary, replica] = [Standalone::start().await, Standalone::start().await];
    primary.command::<()>(&["SET", "key", "value"]).await;
    replica.replicate(&primary).await;
    assert_eq!(replica.command::<String>(&["GET", "key"]).await, "value");
}

#[tokio::test]
#[should_panic(expected = "no-such-argument")]
async fn a_server_that_does_not_start_says_why() {
    Standalone::start_with(&["--no-such-argument", "1"]).await;
}

/// A test cannot end its own process in the middle, so this one starts the program again, and kills that process.
#[tokio::test]
#[cfg(target_os = "linux")]
async fn a_server_dies_with_the_process_that_started_it() {
    const ROLE: &str = "TOKEN_TESTS_START_A_SERVER_AND_WAIT";
    if env::var_os(ROLE).is_some() {
        let server = Standalone::start().await;
        println!("\nport {}", server.port());
        return std::future::pending().await;
    }
    let mut starter = Command::new(env::current_exe().unwrap())
        .args(["--exact", "a_server_dies_with_the_process_that_started_it", "--nocapture"])
        .env(ROLE, "")
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(starter.stdout.take().unwrap()).lines();
    let port = loop {
        let line = lines.next_line().await.unwrap().unwrap();
        if let Some(port) = line.strip_prefix("port ") {
            break port.parse().unwrap();
        }
    };
    assert!(TcpStream::connect(("127.0.0.1", port)).await.is_ok());
    starter.kill().await.unwrap();
    wait_until_nobody_listens(port).await;
}
