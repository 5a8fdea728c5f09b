//! A URL of another kind than its server: the first sentence of the error says what the server is, and what to write.

use std::time::Duration;

use redis::aio::MultiplexedConnection;
use token_core::{StoreError, StoreErrorKind};
use token_redis::{Options, RedisStore};
use token_tests::servers::{
    ClientCertificates, Cluster, Replicated, Sentinel, Server, Standalone, free_port,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::command_line::Cli;
use crate::kit::{keys, until};

/// The error of connecting.
async fn refusal(url: &str) -> StoreError {
    let mut options = Options::default();
    options.deadline = Duration::from_secs(3);
    RedisStore::connect(url, keys(), options).await.unwrap_err()
}

async fn refused(url: &str, kind: StoreErrorKind, cause: &str) {
    let refusal = refusal(url).await;
    let said = refusal.to_string();
    assert!(said.contains(cause) && !said.contains("did not answer"), "{url}: {said}");
    assert_eq!(refusal.kind(), kind, "{url}: {said}");
}

async fn misconfigured(url: &str, cause: &str) {
    refused(url, StoreErrorKind::Misconfigured, cause).await;
}

fn at(scheme: &str, server: &Server) -> String {
    let end = if scheme.contains("sentinel") { "/0?sentinelServiceName=tokens" } else { "" };
    format!("{scheme}://127.0.0.1:{}{end}", server.port())
}

/// A listener that sends this to each client, or only after a request; returns its address.
async fn listener(says: &'static [u8], when_asked: bool) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            tokio::spawn(async move {
                if when_asked {
                    let _ = client.read(&mut [0; 64]).await;
                }
                let _ = client.write_all(says).await;
                // Closing at once with unread data would discard the data that was sent.
                while !when_asked && client.read(&mut [0; 64]).await.is_ok_and(|read| read > 0) {}
            });
        }
    });
    address
}

const SCHEMES: [&str; 6] =
    ["redis", "rediss", "redis-cluster", "rediss-cluster", "redis-sentinel", "rediss-sentinel"];

#[tokio::test]
async fn an_http_server_is_named_in_every_scheme() {
    let address = listener(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n", true).await;
    for scheme in SCHEMES {
        let end = if scheme.contains("sentinel") { "/0?sentinelServiceName=t" } else { "" };
        misconfigured(&format!("{scheme}://{address}{end}"), "is an HTTP server").await;
    }
}

#[tokio::test]
async fn a_server_of_another_protocol_is_named_as_such() {
    let address = listener(b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n", false).await;
    for scheme in ["redis", "redis-cluster"] {
        let cause = "answers in another protocol than that of Redis; check host and port of the store URL";
        misconfigured(&format!("{scheme}://{address}"), cause).await;
    }
}

#[tokio::test]
async fn a_port_that_takes_only_tls_is_named_when_asked_in_plain_text() {
    let server = Standalone::start_tls(ClientCertificates::Optional).await;
    for scheme in ["redis", "redis-cluster", "redis-sentinel"] {
        misconfigured(&at(scheme, &server), "write rediss in the URL instead of redis").await;
    }
}

#[tokio::test]
async fn a_port_of_plain_text_is_named_when_asked_for_tls() {
    let server = Standalone::start().await;
    for scheme in ["rediss", "rediss-cluster", "rediss-sentinel"] {
        misconfigured(&at(scheme, &server), "write redis in the URL instead of rediss").await;
    }
}

#[tokio::test]
async fn a_url_for_a_cluster_is_refused_at_a_server_and_vice_versa() {
    let cluster = Cluster::start().await;
    // Each primary, with any slots, and each replica.
    for node in cluster.nodes() {
        misconfigured(&at("redis", node), "write redis-cluster:// instead of redis://").await;
    }
    let server = Standalone::start().await;
    misconfigured(&at("redis-cluster", &server), "write redis:// instead of redis-cluster://").await;
    misconfigured(&at("redis-sentinel", &server), "is no Sentinel").await;
    let numbered = format!("{}/3", at("redis", &cluster.nodes()[0]));
    // From Valkey 9 on, a cluster may have several databases: there the number is the first error.
    misconfigured(&numbered, "database").await;
    misconfigured(&format!("{}/99", at("redis", &server)), "has no database of that number").await;
}

#[tokio::test]
async fn a_sentinel_in_a_url_for_a_server_is_named() {
    let sentinel = Sentinel::start().await;
    for scheme in ["redis", "redis-cluster"] {
        misconfigured(&at(scheme, &sentinel.sentinels()[0]), "redis-sentinel://").await;
    }
    let unknown = at("redis-sentinel", &sentinel.sentinels()[0]).replace("tokens", "other");
    misconfigured(&unknown, "sentinelServiceName").await;
}

#[tokio::test]
async fn a_replica_in_a_url_is_named_when_the_store_is_opened() {
    let servers = Replicated::start(1).await;
    misconfigured(&at("redis", &servers.replicas()[0]), "is a replica").await;
    let ran = Cli::new(&servers.replicas()[0].url()).run("list -u admin", "").await;
    assert_eq!(ran.code, 2, "{}", ran.stderr);
    assert!(ran.stderr.lines().next().unwrap().contains("is a replica"), "{}", ran.stderr);
}

#[tokio::test]
async fn a_missing_and_a_wrong_password_are_different_errors() {
    let server = Standalone::start_with_roles().await;
    let wrong = server.url_as("admin").replace("admin:", "admin:not-");
    for (url, cause) in [(server.url(), "demands a password"), (wrong, "refused user name or password")] {
        refused(&url, StoreErrorKind::LoginRefused, cause).await;
        let serve = format!("serve --listen 127.0.0.1:{}", free_port());
        for command in ["list -u admin", "issue -u admin -e 1h", "validate", "prune", "bench", &serve] {
            let ran = Cli::new(&url).run(command, "tok_x").await;
            assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{command}: {}", ran.stderr);
            assert!(ran.stderr.contains(cause) && !ran.stderr.contains("not-"), "{command}: {}", ran.stderr);
        }
    }
}

#[tokio::test]
async fn a_server_in_protected_mode_or_with_too_many_clients_says_so() {
    for (says, kind, cause) in [
        (
            &b"-DENIED Redis is running in protected mode because\r\n"[..],
            StoreErrorKind::Denied,
            "protected mode",
        ),
        (b"-ERR max number of clients reached\r\n", StoreErrorKind::Unavailable, "maxclients"),
    ] {
        let address = listener(says, false).await;
        for scheme in ["redis", "redis-cluster"] {
            let url = format!("{scheme}://{address}");
            refused(&url, kind, cause).await;
            let serve = format!("serve --fail-fast --listen 127.0.0.1:{}", free_port());
            for command in ["list -u admin", &serve] {
                assert_eq!(Cli::new(&url).run(command, "").await.code, 3, "{url} {command}");
            }
        }
    }
}

/// How many clients the server has rejected.
async fn rejected(connection: &mut MultiplexedConnection) -> u64 {
    let info: String = redis::cmd("INFO").arg("stats").query_async(connection).await.unwrap();
    let line = info.lines().find_map(|line| line.strip_prefix("rejected_connections:")).unwrap();
    line.parse().unwrap()
}

#[tokio::test]
async fn a_server_at_maxclients_is_named_and_awaited() {
    let server = Standalone::start().await;
    let mut held = Vec::new();
    for _ in 0..10 {
        held.push(server.connection().await);
    }
    server.command::<()>(&["CONFIG", "SET", "maxclients", "10"]).await;
    refused(&server.url(), StoreErrorKind::Unavailable, "maxclients").await;
    // A connection becomes free while the store waits.
    let url = server.url();
    let opening = tokio::spawn(async move { RedisStore::connect(&url, keys(), Options::default()).await });
    let refused_so_far = rejected(&mut held[0]).await;
    until(async || rejected(&mut held[0]).await > refused_so_far).await;
    assert!(!opening.is_finished(), "it waits");
    drop(held);
    opening.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_silent_server_did_not_answer() {
    let address = listener(b"", false).await;
    let refusal = refusal(&format!("redis://{address}")).await;
    assert_eq!(refusal.kind(), StoreErrorKind::TimedOut, "{refusal}");
    assert!(refusal.to_string().contains("did not answer"), "{refusal}");
}
