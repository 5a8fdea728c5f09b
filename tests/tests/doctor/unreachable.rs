//! Servers that cannot be asked: each is a finding, and the examination continues.

use std::time::Duration;

use token_doctor::FindingStatus::Failure;
use token_doctor::redis::examine;
use token_redis::Options;
use token_tests::servers::{Server, Standalone};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::kit::{examined, examined_with, name};

#[tokio::test]
async fn a_server_that_is_down_is_a_failure_in_each_shape() {
    let mut server = Standalone::start().await;
    let address = name(&server);
    server.kill();
    for url in [
        format!("redis://{address}"),
        format!("redis-cluster://{address}"),
        format!("redis-sentinel://{address}/0?sentinelServiceName=tokens"),
    ] {
        let findings = examined(&url).await;
        let bad = findings.failures();
        assert!(bad.iter().any(|(_, node)| node.ends_with(&address)), "{url}: {findings:?}");
    }
}

#[tokio::test]
async fn a_server_that_hangs_is_a_failure_by_the_deadline() {
    let server = Standalone::start().await;
    server.pause();
    let mut options = Options::default();
    options.deadline = Duration::from_millis(300);
    let findings = examined_with(&server.url(), &options, None).await;
    assert_eq!(findings.status("answers"), Failure);
    assert!(findings.found("answers").contains("did not answer"), "{findings:?}");
}

#[tokio::test]
async fn a_wrong_password_is_a_failure_that_says_so() {
    let server = Standalone::start().await;
    server.command::<()>(&["ACL", "SETUSER", "ann", "on", ">right", "+@all"]).await;
    let findings = examined(&format!("redis://ann:wrong@{}", name(&server))).await;
    assert_eq!(findings.status("answers"), Failure);
    assert!(findings.found("answers").contains("password"), "{findings:?}");
}

/// While Redis loads, it occasionally answers `INFO`, and refuses nearly everything else.
#[tokio::test]
async fn a_server_that_is_loading_its_data_is_a_failure_that_says_so() {
    let slow = ["--key-load-delay", "20000", "--loading-process-events-interval-bytes", "1024"];
    let server = Standalone::start_with(&slow).await;
    let fill = "for n = 1, 1000 do redis.call('SET', 'k' .. n, string.rep('x', 100)) end";
    server.command::<()>(&["EVAL", fill, "0"]).await;
    server.command::<()>(&["SAVE"]).await;
    // Loading takes 20 s.
    Server::restart(&server).await;
    let findings = examined(&server.url()).await;
    assert_eq!(findings.status("answers"), Failure, "{findings:?}");
    assert!(findings.found("answers").contains("loading"), "{findings:?}");
    assert_eq!(findings.status("scripts"), Failure, "{findings:?}");
}

#[tokio::test]
async fn something_else_than_redis_is_a_failure() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("redis://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        loop {
            let (mut client, _) = listener.accept().await.unwrap();
            let _ = client.read(&mut [0; 64]).await;
            let _ = client.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        }
    });
    assert_eq!(examined(&url).await.status("answers"), Failure);
}

#[tokio::test]
async fn a_url_that_is_none_is_an_error() {
    for url in ["", "http://h", "redis-cluster://h/2"] {
        examine(url, &Options::default(), None, None).await.unwrap_err();
    }
}
