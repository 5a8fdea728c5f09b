//! One server, its settings and its memory.

use token_doctor::FindingStatus::{Failure, Ok, Warning};
use token_tests::fixtures::tls;
use token_tests::servers::{ClientCertificates, Server, Standalone};

use crate::kit::{examined, examined_with, name, until};

async fn set(server: &Server, name: &str, value: &str) {
    server.command::<()>(&["CONFIG", "SET", name, value]).await;
}

#[tokio::test]
async fn a_server_that_is_set_up_well_has_no_failure() {
    let server = Standalone::start_with(&["--maxmemory", "100mb", "--appendonly", "yes"]).await;
    let findings = examined(&server.url()).await;
    for check in
        ["answers", "scripts", "eviction", "memory", "persistence", "appendfsync", "clock", "tls", "replicas"]
    {
        assert_eq!(findings.status(check), Ok, "{findings:?}");
    }
    assert!(findings.failures().is_empty());
}

#[tokio::test]
async fn a_policy_that_evicts_is_a_failure_until_it_is_corrected() {
    let server = Standalone::start_with(&["--maxmemory-policy", "allkeys-lru"]).await;
    let findings = examined(&server.url()).await;
    assert_eq!(
        (findings.status("eviction"), findings.found("eviction")),
        (Failure, "maxmemory-policy allkeys-lru".into())
    );
    set(&server, "maxmemory-policy", "noeviction").await;
    assert_eq!(examined(&server.url()).await.status("eviction"), Ok);
}

#[tokio::test]
async fn memory_that_runs_short_is_a_warning_and_then_a_failure() {
    let server = Standalone::start().await;
    assert_eq!(examined(&server.url()).await.status("memory"), Warning, "no maxmemory");
    // A size at which the memory of connections makes no difference.
    server.command::<()>(&["SETRANGE", "ballast", "40000000", "x"]).await;
    let info: String = server.command(&["INFO", "memory"]).await;
    let used = info.lines().find_map(|line| line.strip_prefix("used_memory:")).unwrap();
    let used: u64 = used.parse().unwrap();
    for (percent, status) in [(50, Ok), (87, Warning), (100, Failure)] {
        set(&server, "maxmemory", &(used * 100 / percent).to_string()).await;
        assert_eq!(examined(&server.url()).await.status("memory"), status, "{percent}");
    }
}

#[tokio::test]
async fn only_a_synced_append_only_file_keeps_tokens_safely() {
    let server = Standalone::start().await;
    let findings = examined(&server.url()).await;
    assert_eq!(findings.status("persistence"), Warning);
    assert!(findings.found("persistence").contains("loses all tokens"), "{findings:?}");
    set(&server, "save", "3600 1").await;
    assert!(examined(&server.url()).await.found("persistence").contains("snapshots only"));
    set(&server, "appendonly", "yes").await;
    let findings = examined(&server.url()).await;
    assert_eq!((findings.status("persistence"), findings.status("appendfsync")), (Ok, Ok));
    set(&server, "appendfsync", "no").await;
    assert_eq!(examined(&server.url()).await.status("appendfsync"), Warning);
}

#[tokio::test]
async fn the_version_is_that_of_the_server() {
    let server = Standalone::start().await;
    let info: String = server.command(&["INFO", "server"]).await;
    let field = |name: &str| info.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
    let version = field("valkey_version:").or_else(|| field("redis_version:")).unwrap();
    let found = examined(&server.url()).await.found("version");
    assert!(found.ends_with(&version), "{found}");
}

#[tokio::test]
async fn a_server_near_maxclients_is_a_warning_and_at_it_a_failure() {
    let server = Standalone::start().await;
    let mut held = Vec::new();
    for _ in 0..20 {
        held.push(server.connection().await);
    }
    set(&server, "maxclients", "1000").await;
    assert_eq!(examined(&server.url()).await.status("clients"), Ok);
    // The examination itself needs connections.
    set(&server, "maxclients", "25").await;
    let findings = examined(&server.url()).await;
    assert_eq!((findings.status("clients"), findings.status("answers")), (Warning, Ok), "{findings:?}");
    assert!(findings.found("clients").ends_with(" of 25"), "{findings:?}");
    set(&server, "maxclients", "20").await;
    let findings = examined(&server.url()).await;
    assert_eq!(findings.failures(), [("answers", name(&server).as_str())], "{findings:?}");
    assert!(findings.found("answers").contains("maxclients"), "{findings:?}");
    drop(held);
    let findings = until(&server.url(), |findings| findings.status("answers") == Ok).await;
    assert!(findings.failures().is_empty(), "{findings:?}");
}

#[tokio::test]
async fn tls_is_ok_and_a_certificate_of_an_unknown_ca_is_a_failure() {
    let server = Standalone::start_tls(ClientCertificates::Required).await;
    let mut options = token_redis::Options::default();
    options.deadline = std::time::Duration::from_secs(20);
    options.tls = tls(server.certificates());
    let findings = examined_with(&server.url(), &options, None).await;
    assert_eq!((findings.status("tls"), findings.found("tls")), (Ok, "encrypted".into()));
    assert_eq!(findings.status("answers"), Ok);
    options.tls.authorities = Some(std::fs::read(server.certificates().other_ca()).unwrap());
    let findings = examined_with(&server.url(), &options, None).await;
    assert_eq!(findings.status("answers"), Failure);
}
