//! Servers in containers, where a Docker engine has the image or gets it. Elsewhere, these tests say why there are none
//! to look at.

use std::env;
use std::process::Stdio;

use testcontainers::bollard::errors::Error::DockerResponseServerError;
use testcontainers::core::client::docker_client_instance;
use token_tests::containers::{self, Way};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::Command;

use crate::wait_until_nobody_listens;

async fn is_there(container: &str) -> bool {
    let engine = docker_client_instance().await.unwrap();
    match engine.inspect_container(container, None).await {
        Ok(_) => true,
        Err(DockerResponseServerError { status_code: 404, .. }) => false,
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test]
async fn a_server_in_a_container_answers_and_is_gone_when_it_is_dropped() {
    let Way::Containers(image) = containers::choose().await else { return };
    let server = containers::Server::start(&image).await;
    let mut connection = server.connection().await;
    let pong: String = redis::cmd("PING").query_async(&mut connection).await.unwrap();
    assert_eq!(pong, "PONG");

    let (port, container) = (server.port(), server.container().to_owned());
    assert!(is_there(&container).await);
    drop(server);
    assert!(!is_there(&container).await);
    assert!(TcpStream::connect(("127.0.0.1", port)).await.is_err());
}

#[tokio::test]
async fn a_cluster_in_a_container_takes_every_key_and_is_gone_when_it_is_dropped() {
    let Way::Containers(image) = containers::choose().await else { return };
    let cluster = containers::Cluster::start(&image).await;
    let mut connection = cluster.connection().await;
    for key in 0..100 {
        redis::cmd("SET").arg(key).arg("value").exec_async(&mut connection).await.unwrap();
    }
    let container = cluster.container().to_owned();
    assert!(is_there(&container).await);
    drop(cluster);
    assert!(!is_there(&container).await);
}

/// A process cannot be asked to die half-way through another test: this one runs itself once more, and kills that.
#[tokio::test]
async fn a_container_goes_with_the_process_that_started_it() {
    const ROLE: &str = "TOKEN_TESTS_START_A_CONTAINER_AND_WAIT";
    let Way::Containers(image) = containers::choose().await else { return };
    if env::var_os(ROLE).is_some() {
        let server = containers::Server::start(&image).await;
        println!("\ncontainer {} {}", server.port(), server.container());
        return std::future::pending().await;
    }
    let mut starter = Command::new(env::current_exe().unwrap())
        .args(["--exact", "containers::a_container_goes_with_the_process_that_started_it", "--nocapture"])
        .env(ROLE, "")
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(starter.stdout.take().unwrap()).lines();
    let (port, container) = loop {
        let line = lines.next_line().await.unwrap().unwrap();
        if let Some((port, container)) = line.strip_prefix("container ").and_then(|rest| rest.split_once(' '))
        {
            break (port.parse().unwrap(), container.to_owned());
        }
    };
    assert!(is_there(&container).await);
    starter.kill().await.unwrap();
    wait_until_nobody_listens(port).await;
    while is_there(&container).await {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}
