//! A cluster whose six nodes share a container.

use std::time::Duration;

use redis::cluster::ClusterClient;
use redis::cluster_async::ClusterConnection;

use super::container::{Container, ask, url};
use super::image::Image;
use crate::servers::patience::{Missing, wait_for};
use crate::servers::{cluster, ports};

const NODES: usize = 6;
/// How long forming may take; it takes about three seconds on an idle machine.
const FORMING: Duration = Duration::from_secs(60);
/// How long a single command may take.
const ANSWER: Duration = Duration::from_secs(10);

/// A cluster of three primaries with a replica each. It is removed on drop.
#[derive(Debug)]
pub struct Cluster {
    container: Container,
}

impl Cluster {
    /// Starts an empty cluster and waits until all nodes agree on its topology and every replica is in sync.
    ///
    /// # Panics
    /// It does not form. The message ends with the log.
    pub async fn start(image: &Image) -> Self {
        Self::form(image.clone()).await.unwrap_or_else(|failure| panic!("{failure}"))
    }

    async fn form(image: Image) -> Result<Self, String> {
        let container = Container::start(image, ports::free::<NODES>().to_vec()).await?;
        match wait_for(FORMING, async || look_whether_all_is_well(container.ports()).await).await {
            Ok(()) => Ok(Self { container }),
            Err(why) => Err(container.with_log(&format!("the cluster did not form: {why}")).await),
        }
    }

    /// The ports of its nodes on loopback, which the nodes also announce.
    #[must_use]
    pub fn ports(&self) -> &[u16] {
        self.container.ports()
    }

    /// Its URL, `redis-cluster://127.0.0.1:P1?node=127.0.0.1:P2&node=…`, with all nodes.
    #[must_use]
    pub fn url(&self) -> String {
        let nodes: Vec<String> = self.ports().iter().map(|port| format!("127.0.0.1:{port}")).collect();
        format!("redis-cluster://{}", nodes.join("&node=").replacen("&node=", "?node=", 1))
    }

    /// The id of its container in the engine.
    #[must_use]
    pub fn container(&self) -> &str {
        self.container.id()
    }

    /// A new connection to the cluster, on the calling runtime.
    ///
    /// # Panics
    /// The cluster does not answer.
    pub async fn connection(&self) -> ClusterConnection {
        let client = ClusterClient::builder(self.ports().iter().copied().map(url))
            .connection_timeout(ANSWER)
            .response_timeout(ANSWER);
        let connected = async { client.build()?.get_async_connection().await };
        connected
            .await
            .unwrap_or_else(|error| panic!("no connection to the cluster in the container: {error}"))
    }
}

async fn look_whether_all_is_well(ports: &[u16]) -> Result<(), Missing> {
    let mut views = Vec::new();
    for &port in ports {
        let missing = |what: String| Missing::Yet(format!("node {port}: {what}"));
        let say = async |words: &[&str]| {
            ask::<String>(port, words).await.map_err(|error| missing(error.to_string()))
        };
        let state = say(&["CLUSTER", "INFO"]).await?;
        let nodes = say(&["CLUSTER", "NODES"]).await?;
        let replication = say(&["INFO", "replication"]).await?;
        let view = cluster::whole_view(port, ports.len(), [&state, &nodes, &replication]).map_err(missing)?;
        views.push(view);
    }
    match views.split_first() {
        Some((first, others)) if others.iter().all(|other| other == first) => Ok(()),
        _ => Err(Missing::Yet("the nodes do not agree".to_owned())),
    }
}
