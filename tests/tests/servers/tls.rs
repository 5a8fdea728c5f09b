//! Servers that use only TLS.

use std::fs;
use std::path::PathBuf;

use redis::{Client, ClientTlsConfig, RedisResult, TlsCertificates, cmd};
use token_tests::servers::{ClientCertificates, Cluster, Server, Standalone};

use crate::patient;

/// The reply of the server to a client that trusts this authority and presents this certificate and key.
async fn ping(server: &Server, ca: PathBuf, shown: Option<[PathBuf; 2]>) -> RedisResult<String> {
    let read = |path: PathBuf| fs::read(path).unwrap();
    let client_tls =
        shown.map(|[cert, key]| ClientTlsConfig { client_cert: read(cert), client_key: read(key) });
    let trusted = TlsCertificates { client_tls, root_cert: Some(read(ca)) };
    let client = Client::build_with_tls(server.url(), trusted)?;
    cmd("PING").query_async(&mut client.get_multiplexed_async_connection_with_config(&patient()).await?).await
}

#[tokio::test]
async fn a_server_with_tls_is_accepted_only_by_its_authority() {
    let server = Standalone::start_tls(ClientCertificates::Optional).await;
    assert_eq!(server.url(), format!("rediss://127.0.0.1:{}", server.port()));
    assert_eq!(server.command::<String>(&["SET", "key", "value"]).await, "OK");
    let certificates = server.certificates();
    assert_eq!(ping(&server, certificates.ca(), None).await.unwrap(), "PONG");
    ping(&server, certificates.other_ca(), None).await.unwrap_err();
    let plain = Client::open(format!("redis://127.0.0.1:{}", server.port())).unwrap();
    plain.get_multiplexed_async_connection_with_config(&patient()).await.unwrap_err();
}

#[tokio::test]
async fn a_server_can_be_reached_by_its_name_too() {
    let server = Standalone::start_tls(ClientCertificates::Optional).await;
    let trusted =
        TlsCertificates { client_tls: None, root_cert: Some(fs::read(server.certificates().ca()).unwrap()) };
    let url = format!("rediss://localhost:{}", server.port());
    let client = Client::build_with_tls(url, trusted).unwrap();
    client.get_multiplexed_async_connection_with_config(&patient()).await.unwrap();
}

#[tokio::test]
async fn a_server_that_requires_client_certificates_refuses_others() {
    let server = Standalone::start_tls(ClientCertificates::Required).await;
    let certificates = server.certificates();
    let shown = [certificates.client_certificate(), certificates.client_key()];
    assert_eq!(ping(&server, certificates.ca(), Some(shown)).await.unwrap(), "PONG");
    ping(&server, certificates.ca(), None).await.unwrap_err();
}

#[tokio::test]
async fn a_restarted_server_keeps_its_certificates() {
    let mut server = Standalone::start_tls(ClientCertificates::Required).await;
    let before = server.certificates().ca();
    server.restart().await;
    assert_eq!(server.certificates().ca(), before);
    assert_eq!(server.command::<String>(&["PING"]).await, "PONG");
}

#[tokio::test]
async fn a_cluster_with_tls_takes_every_key_and_survives_a_primary() {
    let cluster = Cluster::start_tls(ClientCertificates::Required).await;
    assert!(cluster.url().starts_with("rediss-cluster://127.0.0.1:"));
    assert!(cluster.certificates().ca().is_file());
    let mut connection = cluster.connection().await;
    for key in 0..50 {
        cmd("SET").arg(key).arg("value").exec_async(&mut connection).await.unwrap();
    }
    let [from, to] = [cluster.primaries().await[0], cluster.primaries().await[1]];
    cluster.move_slots(5, from, to).await;
    cluster.kill_primary(from).await;
    let mut connection = cluster.connection().await;
    cmd("SET").arg("key").arg("value").exec_async(&mut connection).await.unwrap();
}
