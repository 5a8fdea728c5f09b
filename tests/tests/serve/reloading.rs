//! SIGHUP: requests under way continue, and new ones use the new settings.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use token_server::grpc::proto::token::v1::ListRequest;
use token_server::grpc::proto::token::v1::token_service_client::TokenServiceClient;
use token_tests::programs::{Cli, Daemon};
use token_tests::servers::Standalone;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tonic::transport::Channel;

use crate::until;
use crate::wire::{request, send, send_for};

pub(crate) fn hang_up(sidecar: &Daemon) {
    let id = sidecar.process_id().to_string();
    assert!(std::process::Command::new("kill").args(["-HUP", &id]).status().unwrap().success());
}

pub(crate) async fn reloads(sidecar: &Daemon, outcome: &str) -> u64 {
    let metrics = send_for(sidecar, &request("GET /metrics", b"a: b")).await;
    let line = format!("token_reload_total{{outcome=\"{outcome}\"}} ");
    metrics.lines().find_map(|own| own.strip_prefix(&line)).map_or(0, |number| number.parse().unwrap())
}

async fn realm(sidecar: &Daemon) -> String {
    let answer = send_for(sidecar, &request("GET /auth", b"a: b")).await;
    answer.split("realm=\"").nth(1).unwrap().split('"').next().unwrap().to_owned()
}

#[tokio::test]
async fn a_reload_under_load_loses_no_connection() {
    let redis = Standalone::start().await;
    let cli = Cli::new(&redis.url());
    let token = cli.issue("admin", "-a 10m").await;
    let file = cli.home().join("serve.toml");
    fs::write(&file, "realm = \"one\"\n").unwrap();
    let sidecar = Arc::new(cli.serve(&["--config", &file.display().to_string(), "--threads", "2"]).await);
    assert_eq!(realm(&sidecar).await, "one");
    let (over, asked) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let mut clients = JoinSet::new();
    for _ in 0..32 {
        let (sidecar, over, asked, token) = (sidecar.clone(), over.clone(), asked.clone(), token.clone());
        clients.spawn(async move {
            let mut connection = TcpStream::connect(("127.0.0.1", sidecar.port())).await.unwrap();
            let head = format!("GET /auth HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\r\n");
            for _ in 0..100_000 {
                if over.load(Ordering::Relaxed) {
                    return;
                }
                connection.write_all(head.as_bytes()).await.unwrap();
                let mut answer = [0; 4096];
                let length = connection.read(&mut answer).await.unwrap();
                let answer = String::from_utf8_lossy(&answer[..length]).into_owned();
                assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
                asked.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    for (number, realm_now) in [(1, "two"), (2, "three"), (3, "four")] {
        let before = asked.load(Ordering::Relaxed);
        until(async || asked.load(Ordering::Relaxed) > before + 100).await;
        fs::write(&file, format!("realm = \"{realm_now}\"\n")).unwrap();
        hang_up(&sidecar);
        until(async || reloads(&sidecar, "done").await == number).await;
        assert_eq!(realm(&sidecar).await, realm_now);
    }
    over.store(true, Ordering::Relaxed);
    while let Some(client) = clients.join_next().await {
        client.unwrap();
    }
}

async fn channel(port: u16) -> Channel {
    Channel::from_shared(format!("http://127.0.0.1:{port}")).unwrap().connect().await.unwrap()
}

/// On open connections, and on new ones.
#[tokio::test]
async fn a_reload_under_load_fails_no_grpc_call() {
    let redis = Standalone::start().await;
    let cli = Cli::new(&redis.url());
    let token = cli.issue("admin", "-a 10m").await;
    let (sidecar, port) = cli.serve_grpc(&["--threads", "2"]).await;
    let (over, called) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let mut clients = JoinSet::new();
    for stays in [true, true, true, true, false, false] {
        let (over, called, token) = (over.clone(), called.clone(), token.clone());
        clients.spawn(async move {
            let mut client = TokenServiceClient::new(channel(port).await);
            while !over.load(Ordering::Relaxed) {
                let mut call = tonic::Request::new(ListRequest { user: String::new() });
                call.metadata_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
                client.list(call).await.unwrap();
                called.fetch_add(1, Ordering::Relaxed);
                if !stays {
                    client = TokenServiceClient::new(channel(port).await);
                }
            }
        });
    }
    for number in 1..=5 {
        let before = called.load(Ordering::Relaxed);
        until(async || called.load(Ordering::Relaxed) > before + 30).await;
        hang_up(&sidecar);
        until(async || reloads(&sidecar, "done").await == number).await;
    }
    over.store(true, Ordering::Relaxed);
    while let Some(client) = clients.join_next().await {
        client.unwrap();
    }
}

#[tokio::test]
async fn a_key_file_is_read_again() {
    let redis = Standalone::start().await;
    let cli = Cli::new(&redis.url());
    let sidecar = cli.serve(&[]).await;
    let keys = cli.home().join("keys");
    let old = fs::read_to_string(&keys).unwrap();
    let new = "m 8899aabbccddeeff00112233445566778899aabbccddeeff0011223344556677";
    // The first key issues new tokens.
    fs::write(&keys, format!("{new}\n{old}\n")).unwrap();
    let token = cli.issue("admin", "-a 10m").await;
    assert!(token.starts_with("tok_m"), "the new key has issued it");
    let auth = async || {
        send(&sidecar, &request("GET /auth", format!("authorization: Bearer {token}").as_bytes())).await
    };
    assert_eq!(auth().await, Some(401), "this node does not have the key");
    hang_up(&sidecar);
    until(async || reloads(&sidecar, "done").await == 1).await;
    assert_eq!(auth().await, Some(200));
}

#[tokio::test]
async fn a_failed_reload_keeps_the_old_settings() {
    let redis = Standalone::start().await;
    let cli = Cli::new(&redis.url());
    let file = cli.home().join("serve.toml");
    fs::write(&file, "realm = \"one\"\n").unwrap();
    let sidecar = cli.serve(&["--config", &file.display().to_string()]).await;
    let token = cli.issue("admin", "-a 10m").await;
    fs::write(&file, "realm = \"two\"\nnonsense = 1\n").unwrap();
    hang_up(&sidecar);
    until(async || reloads(&sidecar, "failed").await == 1).await;
    assert_eq!(realm(&sidecar).await, "one");
    // A file that is not a key file has the same effect.
    fs::write(&file, "realm = \"two\"\n").unwrap();
    fs::write(cli.home().join("keys"), "broken").unwrap();
    hang_up(&sidecar);
    until(async || reloads(&sidecar, "failed").await == 2).await;
    let asked = request("GET /auth", format!("authorization: Bearer {token}").as_bytes());
    assert_eq!(send(&sidecar, &asked).await, Some(200));
    assert_eq!(realm(&sidecar).await, "one");
    assert!(sidecar.all_it_said().await.contains("not reloaded"));
}

#[tokio::test]
async fn settings_that_need_a_restart_are_named_and_others_applied() {
    let redis = Standalone::start().await;
    let cli = Cli::new(&redis.url());
    let file = cli.home().join("serve.toml");
    fs::write(&file, "realm = \"one\"\nthreads = 1\n").unwrap();
    let sidecar = cli.serve(&["--config", &file.display().to_string()]).await;
    fs::write(&file, "realm = \"two\"\nthreads = 2\n").unwrap();
    hang_up(&sidecar);
    until(async || reloads(&sidecar, "done").await == 1).await;
    assert_eq!(realm(&sidecar).await, "two");
    let said = sidecar.all_it_said().await;
    let warned = said.lines().find(|line| line.contains("take a restart")).unwrap();
    assert!(warned.contains("threads") && !warned.contains("realm"), "{warned}");
}
