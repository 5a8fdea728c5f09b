//! One container.

use std::panic::resume_unwind;
use std::thread;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, FromRedisValue, RedisError, RedisResult, cmd};
use testcontainers::core::client::docker_client_instance;
use testcontainers::core::{IntoContainerPort, WaitFor};
use testcontainers::runners::AsyncRunner;
use testcontainers::{ContainerAsync, GenericImage, ImageExt};
use tokio::time::timeout;

use super::engine;
use super::image::Image;
use crate::servers::patience::{Missing, wait_for};

/// The shell script that it runs.
const SERVE: &str = include_str!("serve.sh");
/// The line that it prints once it has seen the lifeline.
const HELD: &str = "the lifeline is held";
/// How long the engine may take to start it; it takes a third of a second on an idle machine.
const STARTING: Duration = Duration::from_secs(60);
/// How long its first server may take to answer.
const ANSWERING: Duration = Duration::from_secs(60);
/// How long any one command may take.
const ANSWER: Duration = Duration::from_secs(10);
/// How long the engine may take to remove it.
const REMOVING: Duration = Duration::from_secs(60);

/// A container with a server at each of some ports. It is removed on drop, with all that is in it.
#[derive(Debug)]
pub(super) struct Container {
    /// `Some` until the drop.
    inner: Option<Box<ContainerAsync<GenericImage>>>,
    ports: Vec<u16>,
    /// The container exits when this connection ends.
    lifeline: Option<MultiplexedConnection>,
}

impl Container {
    /// Starts servers at these ports and waits until the first one answers.
    ///
    /// # Errors
    /// It did not start; the error says why.
    pub(super) async fn start(image: Image, ports: Vec<u16>) -> Result<Self, String> {
        engine::run(async move || {
            let started = timeout(STARTING, run(&image, &ports)).await;
            let started = started.map_err(|_| format!("a container did not start within {STARTING:?}"))?;
            let inner = started.map_err(|error| format!("a container did not start: {error}"))?;
            let mut container = Self { inner: Some(Box::new(inner)), ports, lifeline: None };
            let held = async {
                container.lifeline =
                    Some(wait_for(ANSWERING, async || container.look_for_a_lifeline().await).await?);
                // Wait for this first: the container would not notice a lifeline that ends before it has seen it.
                wait_for(ANSWERING, async || container.look_whether_it_is_held().await).await
            };
            match held.await {
                Ok(()) => Ok(container),
                Err(why) => Err(container.with_log(&why).await),
            }
        })
        .await
    }

    async fn look_for_a_lifeline(&self) -> Result<MultiplexedConnection, Missing> {
        let first = self.ports.first().ok_or_else(|| Missing::ForEver("it has no port".to_owned()))?;
        let connected = async {
            let mut lifeline = connect(*first).await?;
            cmd("CLIENT").arg("SETNAME").arg("lifeline").exec_async(&mut lifeline).await?;
            Ok(lifeline)
        };
        match connected.await {
            Ok(lifeline) => Ok(lifeline),
            Err(error) => Err(self.whether_it_failed(&error).await),
        }
    }

    async fn whether_it_failed(&self, error: &RedisError) -> Missing {
        let log = self.log().await;
        let failed = log.lines().find_map(|line| line.strip_prefix("error: "));
        let hint = "TOKEN_TEST_SERVERS=processes helps where the engine's ports are not on this loopback";
        failed.map_or_else(
            || Missing::Yet(format!("{error}; {hint}")),
            |failed| Missing::ForEver(failed.to_owned()),
        )
    }

    async fn look_whether_it_is_held(&self) -> Result<(), Missing> {
        if self.log().await.lines().any(|line| line == HELD) {
            return Ok(());
        }
        Err(Missing::Yet("the container has not seen the lifeline".to_owned()))
    }

    /// The ports of its servers, inside and on loopback.
    pub(super) fn ports(&self) -> &[u16] {
        &self.ports
    }

    /// Its id in the engine.
    pub(super) fn id(&self) -> &str {
        self.inner.as_ref().expect("it is there until the drop").id()
    }

    /// The sentence with the end of the container's log.
    pub(super) async fn with_log(&self, sentence: &str) -> String {
        let log = self.log().await;
        let lines: Vec<&str> = log.lines().collect();
        let tail = lines.get(lines.len().saturating_sub(40)..).unwrap_or_default();
        format!("{sentence}\nthe end of the log of the container:\n  {}", tail.join("\n  "))
    }

    /// Its log; empty if the engine does not return it.
    async fn log(&self) -> String {
        let Some(inner) = &self.inner else { return String::new() };
        let [said, complained] = [inner.stdout_to_vec().await, inner.stderr_to_vec().await];
        String::from_utf8_lossy(&[said.unwrap_or_default(), complained.unwrap_or_default()].concat())
            .into_owned()
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        let Some(inner) = self.inner.take() else { return };
        let lifeline = self.lifeline.take();
        let removed = engine::finish(async move || {
            let id = inner.id().to_owned();
            // It may be exiting by itself already, which the engine reports as an error.
            let _ = inner.rm().await;
            drop(lifeline);
            let gone = wait_for(REMOVING, async || look_whether_it_is_gone(&id).await).await;
            gone.unwrap_or_else(|why| panic!("the container {id} is not gone: {why}"));
        });
        // A container that remains is a failure, but must not replace a panic that is already in progress.
        if let Err(panic) = removed
            && !thread::panicking()
        {
            resume_unwind(panic);
        }
    }
}

async fn run(
    image: &Image,
    ports: &[u16],
) -> testcontainers::core::error::Result<ContainerAsync<GenericImage>> {
    let words = ["sh", "-c", SERVE, "serve.sh"].map(str::to_owned).into_iter();
    let request = image
        .request()
        .with_cmd(words.chain(ports.iter().map(u16::to_string)))
        // The user of the server in the image.
        .with_user("999:999")
        .with_ready_conditions(vec![WaitFor::Nothing])
        .with_startup_timeout(STARTING)
        .with_host_config_modifier(|host| {
            // Remove it when it exits, with its volumes.
            host.auto_remove = Some(true);
            for binding in
                host.port_bindings.iter_mut().flat_map(|ports| ports.values_mut()).flatten().flatten()
            {
                binding.host_ip = Some("127.0.0.1".to_owned());
            }
        });
    ports.iter().fold(request, |request, &port| request.with_mapped_port(port, port.tcp())).start().await
}

async fn look_whether_it_is_gone(id: &str) -> Result<(), Missing> {
    use testcontainers::bollard::errors::Error::DockerResponseServerError;
    let yet = |why: String| Missing::Yet(why);
    let engine = docker_client_instance().await.map_err(|error| yet(error.to_string()))?;
    match engine.inspect_container(id, None).await {
        Err(DockerResponseServerError { status_code: 404, .. }) => Ok(()),
        Err(error) => Err(yet(error.to_string())),
        Ok(_) => Err(yet("it is still there".to_owned())),
    }
}

/// A new connection that belongs to the runtime it is called on.
pub(super) async fn connect(port: u16) -> RedisResult<MultiplexedConnection> {
    let limits =
        AsyncConnectionConfig::new().set_connection_timeout(Some(ANSWER)).set_response_timeout(Some(ANSWER));
    Client::open(url(port))?.get_multiplexed_async_connection_with_config(&limits).await
}

/// The reply to one command over a new connection.
pub(super) async fn ask<T: FromRedisValue>(port: u16, words: &[&str]) -> RedisResult<T> {
    let mut command = redis::Cmd::new();
    command.arg(words);
    command.query_async(&mut connect(port).await?).await
}

pub(super) fn url(port: u16) -> String {
    format!("redis://127.0.0.1:{port}")
}
