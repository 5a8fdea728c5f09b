//! The metrics: valid by the rules of Prometheus, and described in the book.

use std::collections::BTreeSet;
use std::io::Write;
use std::process::{Command, Stdio};

use token_server::grpc::proto::token::v1::ListRequest;
use token_server::grpc::proto::token::v1::token_service_client::TokenServiceClient;
use token_tests::programs::{Cli, Daemon, program};
use token_tests::servers::Standalone;

use crate::wire::{request, send, send_for};

/// The body of `/metrics`.
async fn metrics(sidecar: &Daemon) -> String {
    let answer = send_for(sidecar, &request("GET /metrics", b"accept: text/plain")).await;
    answer.split_once("\r\n\r\n").unwrap().1.to_owned()
}

/// The metrics after at least one event of each kind.
async fn all_metrics() -> String {
    let mut redis = Standalone::start().await;
    let cli = Cli::new(&redis.url());
    let (sidecar, grpc) = cli.serve_grpc(&["--cache", "--admin", "root"]).await;
    let bearer = format!("authorization: Bearer {}", cli.issue("root", "-a 10m").await);
    assert_eq!(send(&sidecar, &request("GET /auth", bearer.as_bytes())).await, Some(200));
    assert_eq!(send(&sidecar, &request("GET /v1/tokens", bearer.as_bytes())).await, Some(200));
    let channel = tonic::transport::Channel::from_shared(format!("http://127.0.0.1:{grpc}")).unwrap();
    let mut client = TokenServiceClient::new(channel.connect().await.unwrap());
    let status = client.list(ListRequest { user: "root".into() }).await.unwrap_err();
    assert_eq!(status.code(), tonic::Code::Unauthenticated, "nothing was presented");
    redis.kill();
    assert_eq!(send(&sidecar, &request("GET /readyz", b"a: b")).await, Some(503));
    metrics(&sidecar).await
}

#[tokio::test]
async fn promtool_finds_nothing_to_complain_about() {
    let promtool = program("promtool", "prometheus");
    let metrics = all_metrics().await;
    let mut checking = Command::new(promtool)
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    checking.stdin.take().unwrap().write_all(metrics.as_bytes()).unwrap();
    let checked = checking.wait_with_output().unwrap();
    let said = [checked.stdout, checked.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(checked.status.success() && said.trim().is_empty(), "{said}\n{metrics}");
}

#[tokio::test]
async fn every_metric_is_in_the_book_and_has_help() {
    let metrics = all_metrics().await;
    let names = |kind: &str| -> BTreeSet<String> {
        let lines = metrics.lines().filter_map(|line| line.strip_prefix(kind));
        lines.map(|line| line.split(' ').next().unwrap().to_owned()).collect()
    };
    let shown = names("# TYPE ");
    assert_eq!(names("# HELP "), shown, "{metrics}");
    let page = include_str!("../../../docs/reference/metrics.md");
    let table = page.split("| metric | labels |").nth(1).unwrap().split("\n\n").next().unwrap();
    let documented = table.lines().filter_map(|row| row.strip_prefix("| `")).flat_map(|row| {
        let names = row.split(" | ").next().unwrap().split('`');
        names.filter(|name| name.contains('_')).map(str::to_owned)
    });
    assert_eq!(documented.collect::<BTreeSet<_>>(), shown);
}

#[tokio::test]
async fn probes_do_not_count_as_validations() {
    let redis = Standalone::start().await;
    let cli = Cli::new(&redis.url());
    let (sidecar, _) = cli.serve_grpc(&["--cache"]).await;
    for _ in 0..5 {
        assert_eq!(send(&sidecar, &request("GET /readyz", b"a: b")).await, Some(200));
    }
    let metrics = metrics(&sidecar).await;
    assert!(!metrics.contains("\ntoken_validations_total{"), "{metrics}");
    assert!(metrics.contains("token_cache_misses_total 0\n"), "{metrics}");
    assert!(metrics.contains("token_store_seconds_count{operation=\"probe\"}"), "{metrics}");
}

#[tokio::test]
async fn the_metrics_include_version_and_process() {
    let redis = Standalone::start().await;
    let sidecar = Cli::new(&redis.url()).serve(&[]).await;
    let metrics = metrics(&sidecar).await;
    let value = |name: &str| {
        let line = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("{name} is not in {metrics}")).parse::<f64>().unwrap()
    };
    assert_eq!(value(concat!("token_build_info{version=\"", env!("CARGO_PKG_VERSION"), "\"}")), 1.0);
    assert!(value("process_resident_memory_bytes") > 1e6);
    assert!(value("process_start_time_seconds") > 1.7e9);
    assert!(value("process_open_fds") >= 3.0 && value("process_max_fds") > value("process_open_fds"));
    assert!(value("process_threads") >= 2.0 && value("process_cpu_seconds_total") >= 0.0);
}

/// A new process has used less than a second of processor time: without fractions the value would be 0 for long.
#[tokio::test]
async fn the_processor_time_has_fractions() {
    let redis = Standalone::start().await;
    let sidecar = Cli::new(&redis.url()).serve(&[]).await;
    loop {
        let metrics = metrics(&sidecar).await;
        assert!(metrics.lines().any(|line| line == "# TYPE process_cpu_seconds_total counter"), "{metrics}");
        let seconds = metrics.lines().find_map(|line| line.strip_prefix("process_cpu_seconds_total "));
        let seconds: f64 = seconds.expect("it is there").parse().unwrap();
        if seconds.fract() > 0.0 {
            return;
        }
        assert!(seconds < 2.0, "it has no fraction: {seconds}");
    }
}
