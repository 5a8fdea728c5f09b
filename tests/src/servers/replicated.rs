//! A primary with replicas, without Sentinels.

use super::patience::{Missing, wait_for};
use super::plan::Plan;
use super::proxy::Proxy;
use super::server::{ANSWER, Server};

/// A primary and its replicas, each with its own proxy to the primary.
#[derive(Debug)]
pub struct Replicated {
    primary: Server,
    replicas: Vec<Server>,
    links: Vec<Proxy>,
}

impl Replicated {
    /// Starts an empty primary with this many replicas, and waits until all are in sync.
    ///
    /// # Panics
    /// One of them does not start, or does not get in sync. The message ends with the logs.
    pub async fn start(replicas: usize) -> Self {
        let start = async |plan| Server::start_anywhere(&plan).await.unwrap_or_else(|why| panic!("{why}"));
        let primary = start(Plan::default()).await;
        let mut all = Self { primary, replicas: Vec::new(), links: Vec::new() };
        for _ in 0..replicas {
            let link = Proxy::to(all.primary.port()).await;
            let plan = Plan::new(&["--replicaof", "127.0.0.1", &link.port().to_string()]);
            all.replicas.push(start(plan).await);
            all.links.push(link);
        }
        all.wait_until_in_step().await;
        all
    }

    /// The primary's URL.
    #[must_use]
    pub fn url(&self) -> String {
        self.primary.url()
    }

    /// The primary.
    #[must_use]
    pub fn primary(&self) -> &Server {
        &self.primary
    }

    /// The replicas.
    #[must_use]
    pub fn replicas(&self) -> &[Server] {
        &self.replicas
    }

    /// The proxy from a replica, by its index in [`Replicated::replicas`], to the primary. The primary does not notice a stall,
    /// but it does notice a cut.
    ///
    /// # Panics
    /// There is no such replica.
    #[must_use]
    pub fn link(&self, replica: usize) -> &Proxy {
        self.links.get(replica).unwrap_or_else(|| panic!("there is no replica {replica}"))
    }

    /// Waits until every running replica has all data that the primary had when this was called, and the primary lists it as
    /// connected.
    ///
    /// # Panics
    /// One does not get in sync. The message ends with the logs.
    pub async fn wait_until_in_step(&self) {
        let mut running = 0;
        for replica in self.replicas.iter().filter(|replica| replica.is_running()) {
            replica.wait_until_in_step_with(&self.primary).await;
            running += 1;
        }
        let known = wait_for(ANSWER, async || {
            let yet = |what: String| Missing::Yet(what);
            let info: String = self
                .primary
                .try_command(&["INFO", "replication"])
                .await
                .map_err(|error| yet(error.to_string()))?;
            let online = info.lines().filter(|line| line.contains("state=online")).count();
            if online >= running { Ok(()) } else { Err(yet(format!("not {running} replicas: {info}"))) }
        });
        known.await.unwrap_or_else(|reason| self.primary.complain("getting in step", &reason));
    }
}
