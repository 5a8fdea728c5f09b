//! Servers in containers: they answer, and are removed completely.
//!
//! If servers are processes, these tests are listed as ignored, with the reason on standard error; they never pass without a
//! container.
#![expect(
    clippy::panic,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "all of this is test code, and one test talks to another"
)]

use std::env;
use std::process::{ExitCode, Stdio};
use std::time::Duration;

use libtest_mimic::{Arguments, Trial};
use testcontainers::bollard::errors::Error::DockerResponseServerError;
use testcontainers::core::client::docker_client_instance;
use token_tests::containers::{Cluster, Image, Server, Way, choose};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::Command;
use tokio::runtime::Runtime;

/// Makes this program start a container, print its id, and wait until it is killed.
const ROLE: &str = "TOKEN_TESTS_START_A_CONTAINER_AND_WAIT";

fn main() -> ExitCode {
    let runtime = Runtime::new().unwrap();
    let image = match runtime.block_on(choose()) {
        Way::Containers(image) => Some(image),
        Way::Processes => None,
    };
    if let (Some(image), true) = (&image, env::var_os(ROLE).is_some()) {
        return runtime.block_on(start_and_wait(image));
    }
    let trials = vec![
        trial("a_server_answers_and_is_gone_when_dropped", &image, server_answers_and_goes),
        trial("a_cluster_takes_every_key_and_is_gone_when_dropped", &image, cluster_answers_and_goes),
        trial("a_container_ends_with_the_process_that_started_it", &image, ends_with_its_process),
    ];
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

fn trial<F>(name: &str, image: &Option<Image>, test: fn(Image) -> F) -> Trial
where
    F: Future<Output = ()> + 'static,
{
    let image = image.clone();
    let ignored = image.is_none();
    let run = move || {
        let image = image.ok_or("there are no containers to test, see standard error")?;
        Runtime::new()?.block_on(test(image));
        Ok(())
    };
    Trial::test(name, run).with_ignored_flag(ignored)
}

async fn is_there(container: &str) -> bool {
    let engine = docker_client_instance().await.unwrap();
    match engine.inspect_container(container, None).await {
        Ok(_) => true,
        Err(DockerResponseServerError { status_code: 404, .. }) => false,
        Err(error) => panic!("{error}"),
    }
}

async fn listens(port: u16) -> bool {
    TcpStream::connect(("127.0.0.1", port)).await.is_ok()
}

async fn server_answers_and_goes(image: Image) {
    let server = Server::start(&image).await;
    let mut connection = server.connection().await;
    let pong: String = redis::cmd("PING").query_async(&mut connection).await.unwrap();
    assert_eq!(pong, "PONG");

    let (port, container) = (server.port(), server.container().to_owned());
    assert!(is_there(&container).await);
    drop(server);
    assert!(!is_there(&container).await);
    assert!(!listens(port).await);
}

async fn cluster_answers_and_goes(image: Image) {
    let cluster = Cluster::start(&image).await;
    let mut connection = cluster.connection().await;
    for key in 0..100 {
        redis::cmd("SET").arg(key).arg("value").exec_async(&mut connection).await.unwrap();
    }
    let container = cluster.container().to_owned();
    assert!(is_there(&container).await);
    drop(cluster);
    assert!(!is_there(&container).await);
}

/// A test cannot end its own process in the middle, so this one starts the program again, and kills that process.
async fn ends_with_its_process(_: Image) {
    let mut starter = Command::new(env::current_exe().unwrap())
        .env(ROLE, "")
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(starter.stdout.take().unwrap()).lines();
    let (port, container) = loop {
        let line = lines.next_line().await.unwrap().expect("it says which container it started");
        if let Some((port, container)) = line.strip_prefix("container ").and_then(|rest| rest.split_once(' '))
        {
            break (port.parse().unwrap(), container.to_owned());
        }
    };
    assert!(is_there(&container).await);
    starter.kill().await.unwrap();
    let gone = async {
        while listens(port).await || is_there(&container).await {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), gone).await.expect("the container goes");
}

async fn start_and_wait(image: &Image) -> ExitCode {
    let server = Server::start(image).await;
    println!("container {} {}", server.port(), server.container());
    std::future::pending().await
}
