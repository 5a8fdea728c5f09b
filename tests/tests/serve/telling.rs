//! What it tells: metrics and logs, and no secret in either.

use serde_json::Value;
use token_tests::programs::{Cli, Daemon};
use token_tests::servers::Standalone;

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

#[tokio::test]
async fn the_access_log_is_json_and_names_tokens_by_their_ids() {
    let redis = Standalone::start().await;
    let cli = Cli::new(&redis.url());
    let sidecar = cli.serve(&[]).await;
    let token = cli.issue("admin", "-a 10m").await;
    assert_eq!(ask(&sidecar, "GET /auth", &format!("Bearer {token}")).await, 200);
    let said = sidecar.said();
    let lines: Vec<Value> = said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let access = lines.iter().find(|line| line["target"] == "access").unwrap();
    assert_eq!((&access["route"], &access["status"]), (&"/auth".into(), &200.into()));
    let list = cli.run("list -u admin --json", "").await.json();
    assert_eq!(access["token_id"], list[0]["id"]);
}

/// Wherever a token may be put by mistake.
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
    let (said, metrics) = (sidecar.said(), metrics(&sidecar).await);
    assert!(said.lines().count() >= 10, "the log is there: {said}");
    assert!(!said.contains(secret), "{said}");
    assert!(!metrics.contains(secret), "{metrics}");
}
