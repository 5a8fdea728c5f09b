//! A sidecar with a local cache.

use token_tests::programs::{Cli, Daemon};
use token_tests::servers::Standalone;

use crate::wire::{request, send, send_for};

async fn auth(sidecar: &Daemon, token: &str) -> u16 {
    send(sidecar, &request("GET /auth", format!("authorization: Bearer {token}").as_bytes())).await.unwrap()
}

/// A value from `/metrics`.
async fn told(sidecar: &Daemon, metric: &str) -> Option<u64> {
    let metrics = send_for(sidecar, &request("GET /metrics", b"accept: text/plain")).await;
    let value = metrics.lines().find_map(|line| line.strip_prefix(&format!("{metric} ")))?.to_owned();
    Some(value.parse().unwrap())
}

async fn until(so: impl AsyncFn() -> bool) {
    for _ in 0..1000 {
        if so().await {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("it is not so after twenty seconds");
}

/// So long that no entry expires by its age during a test.
#[tokio::test]
async fn a_revocation_by_the_command_reaches_a_sidecar_with_a_cache() {
    let redis = Standalone::start().await;
    let cli = Cli::new(&redis.url());
    let sidecar = cli.serve(&["--cache=1m"]).await;
    until(async || told(&sidecar, "token_cache_partitions_heard").await == Some(1024)).await;
    let token = cli.issue("admin", "-a 10m").await;
    for _ in 0..10 {
        assert_eq!(auth(&sidecar, &token).await, 200);
    }
    assert_eq!(told(&sidecar, "token_cache_hits_total").await, Some(9));
    assert_eq!(told(&sidecar, "token_cache_misses_total").await, Some(1));
    assert_eq!(cli.run("revoke --stdin", &token).await.code, 0);
    until(async || auth(&sidecar, &token).await == 401).await;
}

#[tokio::test]
async fn a_sidecar_has_no_cache_by_default() {
    let redis = Standalone::start().await;
    let cli = Cli::new(&redis.url());
    let sidecar = cli.serve(&[]).await;
    let token = cli.issue("admin", "-a 10m").await;
    for _ in 0..10 {
        assert_eq!(auth(&sidecar, &token).await, 200);
        assert_eq!(told(&sidecar, "token_cache_hits_total").await, None);
    }
    assert_eq!(cli.run("revoke --stdin", &token).await.code, 0);
    assert_eq!(auth(&sidecar, &token).await, 401);
}
