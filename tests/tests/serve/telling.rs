//! Metrics and logs, and no secret in either.

use std::sync::Arc;

use serde_json::Value;
use token_tests::programs::{Cli, Daemon};
use token_tests::servers::Standalone;
use tokio::task::JoinSet;

use crate::wire::{request, send, send_for};

async fn ask(sidecar: &Daemon, first: &str, authorization: &str) -> u16 {
    send(sidecar, &request(first, format!("authorization: {authorization}").as_bytes())).await.unwrap()
}

async fn metrics(sidecar: &Daemon) -> String {
    send_for(sidecar, &request("GET /metrics", b"accept: text/plain")).await
}

#[tokio::test]
async fn outcomes_renewals_and_errors_are_counted() {
    let mut redis = Standalone::start().await;
    let cli = Cli::new(&redis.url());
    let sidecar = cli.serve(&[]).await;
    let (live, dead) = (cli.issue("admin", "-a 10m").await, cli.issue("admin", "-a 10m").await);
    assert_eq!(cli.run("revoke --stdin", &dead).await.code, 0);
    for (token, status) in [(&live, 200), (&live, 200), (&dead, 401)] {
        assert_eq!(ask(&sidecar, "GET /auth", &format!("Bearer {token}")).await, status);
    }
    redis.kill();
    assert_eq!(ask(&sidecar, "GET /auth", &format!("Bearer {live}")).await, 503);
    let metrics = metrics(&sidecar).await;
    for line in [
        "token_validations_total{outcome=\"active\"} 2",
        "token_validations_total{outcome=\"unknown\"} 1",
        "token_renewals_total 2",
        "token_store_errors_total{operation=\"validate\",kind=\"unavailable\"} 1",
        "token_store_seconds_count{operation=\"validate\"} 4",
        "http_requests_total{route=\"/auth\",method=\"GET\",status=\"401\"} 1",
    ] {
        assert!(metrics.lines().any(|own| own == line), "{line} is not in {metrics}");
    }
}

/// Without a replica, each change waits on its connection for one second for the requested confirmation.
#[tokio::test]
async fn the_metrics_show_the_pools_and_the_callers_waiting_for_them() {
    let redis = Standalone::start().await;
    let cli = Cli::new(&redis.url());
    let sidecar =
        Arc::new(cli.serve(&["--admin", "root", "--confirm", "replicated", "--confirm-timeout", "1s"]).await);
    let root = format!("Bearer {}", cli.issue("root", "-a 10m --confirm local").await);
    let pool = async |what: &str| {
        let line = format!("token_redis_pool_{what}{{server=\"127.0.0.1:{}\"}} ", redis.port());
        let metrics = metrics(&sidecar).await;
        let value = metrics.lines().find_map(|own| own.strip_prefix(&line)).map(str::to_owned);
        value.map(|value| value.parse::<u32>().unwrap())
    };
    // The check of the key file at the start has used one connection.
    assert_eq!(ask(&sidecar, "GET /v1/tokens", &root).await, 200);
    for (what, value) in [("size", 1), ("available", 1), ("waiting", 0), ("max", 8)] {
        assert_eq!(pool(what).await, Some(value), "{what}");
    }

    let mut callers = JoinSet::new();
    for user in 0..24 {
        let (sidecar, root) = (sidecar.clone(), root.clone());
        callers.spawn(async move { ask(&sidecar, &format!("DELETE /v1/tokens?user=u{user}"), &root).await });
    }
    let mut statuses = Vec::new();
    while pool("waiting").await == Some(0) {
        assert!(!callers.is_empty(), "a caller waits before all are done");
        statuses.extend(callers.try_join_next());
    }
    while let Some(status) = callers.join_next().await {
        statuses.push(status);
    }
    assert!(statuses.into_iter().all(|status| status.unwrap() == 202), "made, and not confirmed");
    for (what, value) in [("size", 8), ("available", 8), ("waiting", 0)] {
        assert_eq!(pool(what).await, Some(value), "{what}");
    }
}

#[tokio::test]
async fn replacing_the_connection_shared_by_validations_is_counted() {
    let mut redis = Standalone::start().await;
    let cli = Cli::new(&redis.url());
    let sidecar = cli.serve(&[]).await;
    let told = async |swaps: u32| {
        let line = format!("token_redis_connection_swaps_total {swaps}");
        metrics(&sidecar).await.lines().any(|own| own == line)
    };
    assert!(told(0).await);
    redis.restart().await;
    let token = cli.issue("admin", "-a 10m").await;
    assert_eq!(ask(&sidecar, "GET /auth", &format!("Bearer {token}")).await, 200);
    assert!(told(1).await);
}

#[tokio::test]
async fn the_access_log_is_json_and_names_tokens_by_their_ids() {
    let redis = Standalone::start().await;
    let cli = Cli::new(&redis.url());
    let sidecar = cli.serve(&[]).await;
    let token = cli.issue("admin", "-a 10m").await;
    assert_eq!(ask(&sidecar, "GET /auth", &format!("Bearer {token}")).await, 200);
    let said = sidecar.all_it_said().await;
    let lines: Vec<Value> = said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let access = lines.iter().find(|line| line["target"] == "access").unwrap();
    assert_eq!((&access["route"], &access["status"]), (&"/auth".into(), &200.into()));
    let list = cli.run("list -u admin --json", "").await.json();
    assert_eq!(access["token_id"], list[0]["id"]);
}

/// Sends a token in every place where it may appear by mistake.
#[tokio::test]
async fn no_token_is_in_a_log_or_a_metric() {
    let redis = Standalone::start().await;
    let cli = Cli::new(&redis.url()).with_log("trace");
    let sidecar = cli.serve(&["--admin", "admin"]).await;
    let token = cli.issue("admin", "-a 10m").await;
    let secret = &token[8..40];
    for (first, authorization) in [
        ("GET /auth", format!("Bearer {token}")),
        ("GET /auth", format!("Basic {token}")),
        ("GET /auth", token.clone()),
        (&format!("GET /auth?access_token={token}"), String::new()),
        (&format!("GET /auth?scope={token}"), format!("Bearer {token}")),
        (&format!("GET /auth/{token}"), format!("Bearer {token}")),
        (&format!("GET /{token}"), format!("Bearer {token}")),
        (&format!("{token} /auth"), format!("Bearer {token}")),
    ] {
        ask(&sidecar, first, &authorization).await;
    }
    let form = format!("token={token}");
    let headers = format!(
        "authorization: Bearer {token}\r\ncontent-type: application/x-www-form-urlencoded\r\ncontent-length: {}",
        form.len()
    );
    let posted = [request("POST /introspect", headers.as_bytes()), form.into_bytes()].concat();
    assert_eq!(send(&sidecar, &posted).await, Some(200));
    let metrics = metrics(&sidecar).await;
    let said = sidecar.all_it_said().await;
    assert!(said.lines().count() >= 10, "the log has lines: {said}");
    assert!(!said.contains(secret), "{said}");
    assert!(!metrics.contains(secret), "{metrics}");
}

#[tokio::test]
async fn a_bad_requirement_below_auth_is_not_blamed_on_the_proxy() {
    let redis = Standalone::start().await;
    let sidecar = Cli::new(&redis.url()).serve(&[]).await;
    for number in 0..5 {
        let first = format!("GET /auth/files/{number}?scope=garbage{number}");
        assert_eq!(ask(&sidecar, &first, "Bearer x").await, 403);
    }
    let said = sidecar.all_it_said().await;
    let lines = |text: &str| said.lines().filter(|line| line.contains(text)).count();
    assert_eq!(lines("a proxy whose demands cannot be read"), 0, "{said}");
    // Once for the first one, and once with the number of suppressed ones.
    assert_eq!(lines("the proxy or its client sends it"), 2, "{said}");
    assert!(said.lines().any(|line| line.contains("\"suppressed\":4")), "{said}");
}
