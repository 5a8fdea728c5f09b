//! Starting before the store is available, and draining before the end.

use std::time::Duration;

use token_tests::programs::{Cli, Signal};
use token_tests::servers::{Standalone, free_port};

use crate::addresses::answers_at;
use crate::until;
use crate::wire::{request, send, send_for};

#[tokio::test]
async fn it_waits_for_a_store_that_starts_later() {
    let mut redis = Standalone::start().await;
    let cli = Cli::new(&redis.url());
    let token = cli.issue("admin", "-a 10m").await;
    redis.kill();
    let sidecar = cli.serve(&["--threads", "2"]).await;
    let auth = request("GET /auth", format!("authorization: Bearer {token}").as_bytes());
    assert_eq!(send(&sidecar, &auth).await, Some(503));
    assert_eq!(send(&sidecar, &request("GET /readyz", b"a: b")).await, Some(503));
    assert_eq!(send(&sidecar, &request("GET /healthz", b"a: b")).await, Some(200));
    assert_eq!(send(&sidecar, &request("GET /auth", b"authorization: Bearer garbage")).await, Some(401));
    redis.restart().await;
    until(async || send(&sidecar, &request("GET /readyz", b"a: b")).await == Some(200)).await;
    let token = cli.issue("admin", "-a 10m").await;
    let auth = request("GET /auth", format!("authorization: Bearer {token}").as_bytes());
    for _ in 0..4 {
        assert_eq!(send(&sidecar, &auth).await, Some(200), "on every core");
    }
    let said = sidecar.all_it_said().await;
    let waits = said.lines().filter(|line| line.contains("waiting for the store")).count();
    assert!((1..=3).contains(&waits), "each cause once a minute: {said}");
}

#[tokio::test]
async fn it_ends_when_another_key_issues_the_first_token() {
    let redis = Standalone::start().await;
    let (cli, other) = (Cli::new(&redis.url()), Cli::new(&redis.url()));
    std::fs::write(other.home().join("keys"), format!("k {}", "5eed".repeat(16))).unwrap();
    let sidecar = other.serve(&[]).await;
    assert_eq!(send(&sidecar, &request("GET /readyz", b"a: b")).await, Some(200));
    cli.issue("admin", "-e 1h").await;
    assert_eq!(sidecar.until_it_ends().await.code(), Some(2));
    assert!(sidecar.said().contains("of another deployment"), "{}", sidecar.said());
}

/// The settings come from a pipe, so that the process is known to have begun and not to have read them.
#[tokio::test]
async fn a_hang_up_before_the_settings_are_read_does_not_end_it() {
    let cli = Cli::new("redis://127.0.0.1:1");
    let settings = cli.home().join("settings.toml");
    assert!(std::process::Command::new("mkfifo").arg(&settings).status().unwrap().success());
    let mut running = cli.start(&format!("serve --listen 127.0.0.1:0 --config {}", settings.display()));
    let open = move || std::fs::OpenOptions::new().write(true).open(settings).unwrap();
    let _settings = tokio::task::spawn_blocking(open).await.unwrap();
    running.signal(Signal::HUP);
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(!running.has_ended());
}

#[tokio::test]
async fn with_fail_fast_it_does_not_wait() {
    let store = format!("127.0.0.1:{}", free_port());
    let cli = Cli::new(&format!("redis://{store}"));
    let ran = cli.run(&format!("serve --listen 127.0.0.1:{} --fail-fast", free_port()), "").await;
    assert_eq!(ran.code, 3, "{}", ran.stderr);
    assert!(
        ran.stderr.contains(&format!("cannot connect: redis://{store} cannot be reached")),
        "{}",
        ran.stderr
    );
}

#[tokio::test]
async fn an_error_that_waiting_cannot_fix_ends_it_at_once() {
    let redis = Standalone::start_with_roles().await;
    let port = redis.port();
    for (store, named) in [
        (format!("redis://validator:wrong@127.0.0.1:{port}"), "password"),
        ("redis://127.0.0.1:1/notanumber".into(), "its database is no whole number from 0"),
        ("http://127.0.0.1:1".into(), "write redis://"),
    ] {
        let ran = Cli::new(&store).run(&format!("serve --listen 127.0.0.1:{}", free_port()), "").await;
        assert_eq!(ran.code, 2, "{store}: {}", ran.stderr);
        assert!(ran.stderr.contains(named) && !ran.stderr.contains("wrong"), "{}", ran.stderr);
    }
    let cli = Cli::new(&format!("redis://127.0.0.1:{}", free_port()));
    let keys = cli.home().join("keys");
    std::fs::write(&keys, "broken").unwrap();
    let ran = cli.run("serve", "").await;
    assert_eq!(ran.code, 2, "{}", ran.stderr);
    assert!(ran.stderr.contains(&keys.display().to_string()), "{}", ran.stderr);
}

#[tokio::test]
async fn a_sidecar_that_waits_for_its_store_can_be_stopped() {
    let cli = Cli::new(&format!("redis://127.0.0.1:{}", free_port()));
    let sidecar = cli.serve(&[]).await;
    sidecar.terminate();
    assert_eq!(sidecar.until_it_ends().await.code(), Some(0));
}

#[tokio::test]
async fn readiness_ends_before_it_stops_listening() {
    let redis = Standalone::start().await;
    let cli = Cli::new(&redis.url());
    let token = cli.issue("admin", "-a 10m").await;
    let (sidecar, grpc) = cli.serve_grpc(&["--drain", "1h"]).await;
    let channel = tonic::transport::Channel::from_shared(format!("http://127.0.0.1:{grpc}")).unwrap();
    let mut health = tonic_health::pb::health_client::HealthClient::new(channel.connect().await.unwrap());
    let mut serves = async || {
        let asked = tonic_health::pb::HealthCheckRequest { service: String::new() };
        health.check(asked).await.unwrap().into_inner().status == 1
    };
    until(async || serves().await).await;
    assert_eq!(send(&sidecar, &request("GET /readyz", b"a: b")).await, Some(200));
    sidecar.terminate();
    until(async || send(&sidecar, &request("GET /readyz", b"a: b")).await == Some(503)).await;
    until(async || !serves().await).await;
    let auth = request("GET /auth", format!("authorization: Bearer {token}").as_bytes());
    assert_eq!(send(&sidecar, &auth).await, Some(200), "requests that still arrive are answered");
    sidecar.terminate();
    let ended = tokio::time::timeout(Duration::from_secs(30), sidecar.until_it_ends()).await;
    assert_eq!(ended.unwrap().code(), Some(3), "a second signal ends it at once");
}

#[tokio::test]
async fn it_ends_after_the_time_to_drain() {
    let redis = Standalone::start().await;
    let cli = Cli::new(&redis.url());
    // If the machine is too busy to send a request within a second, try a longer time.
    for drain in ["1s", "5s", "25s"] {
        let sidecar = cli.serve(&["--drain", drain]).await;
        sidecar.terminate();
        sidecar.until_it_says("not ready any more").await.unwrap();
        let answered = answers_at("127.0.0.1", sidecar.port()).await;
        assert_eq!(sidecar.until_it_ends().await.code(), Some(0), "{}", sidecar.said());
        if answered {
            return;
        }
    }
    panic!("nothing was answered while it drained");
}

#[tokio::test]
async fn a_process_that_drains_says_so_in_log_and_metrics() {
    let redis = Standalone::start().await;
    let sidecar = Cli::new(&redis.url()).serve(&["--drain", "1h"]).await;
    let metrics = request("GET /metrics", b"a: b");
    let draining = async |value: &str| {
        let line = format!("token_draining {value}");
        send_for(&sidecar, &metrics).await.lines().any(|own| own == line)
    };
    assert!(draining("0").await);
    sidecar.terminate();
    until(async || send(&sidecar, &request("GET /readyz", b"a: b")).await == Some(503)).await;
    assert!(draining("1").await);
    until(async || sidecar.said().contains("\"reason\":\"draining\"")).await;
    sidecar.terminate();
}
