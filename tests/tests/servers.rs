//! The servers that the other tests run on: what they start with, and that nothing of them is left.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "all of this is test code, and one test talks to another"
)]

use std::env;
use std::process::Stdio;
use std::time::Duration;

use token_tests::servers::{Cluster, Standalone};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::Command;

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
#[should_panic(expected = "Bad directive")]
async fn a_server_that_does_not_start_says_why() {
    Standalone::start_with(&["--no-such-argument", "1"]).await;
}

#[tokio::test]
async fn a_cluster_has_three_primaries_with_a_replica_each_and_takes_every_key() {
    let cluster = Cluster::start().await;
    assert_eq!(cluster.nodes().len(), 6);
    assert_eq!(cluster.primaries().await.len(), 3);
    for node in cluster.nodes() {
        let info: String = node.command(&["CLUSTER", "INFO"]).await;
        assert!(
            info.contains("cluster_state:ok\r\ncluster_slots_assigned:16384\r\ncluster_slots_ok:16384"),
            "{info}"
        );
    }

    let url = cluster.url();
    let nodes = url.strip_prefix("redis-cluster://").unwrap().replace("?node=", "&node=");
    let nodes: Vec<String> = nodes.split("&node=").map(|node| format!("redis://{node}")).collect();
    assert_eq!(nodes, cluster.nodes().iter().map(|node| node.url()).collect::<Vec<_>>());
    let client = redis::cluster::ClusterClient::new(nodes).unwrap();
    let mut connection = client.get_async_connection().await.unwrap();
    for key in 0..100 {
        let () = redis::cmd("SET").arg(key).arg("value").query_async(&mut connection).await.unwrap();
    }
}

/// A process cannot be asked to die half-way through another test: this one runs itself once more, and kills that.
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
