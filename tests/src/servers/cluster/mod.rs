//! Six servers that form a cluster.

mod faults;
mod growth;
mod moving;
mod view;
mod waiting;

pub use faults::Takeover;
pub use moving::Move;
pub(crate) use waiting::whole_view;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use redis::cluster::ClusterClient;
use redis::cluster_async::ClusterConnection;
use tokio::process::Command;

use super::binaries::binaries;
use super::certificates::{Certificates, ClientCertificates};
use super::info::field;
use super::plan::Plan;
use super::ports;
use super::roles::Roles;
use super::server::{ANSWER, Server, log_in};

const NODES: usize = 6;
const PRIMARIES: usize = 3;
/// How long forming may take; it takes about three seconds on an idle machine.
const FORMING: Duration = Duration::from_secs(60);

/// A cluster of three primaries with a replica each.
#[derive(Debug)]
pub struct Cluster {
    nodes: Vec<Server>,
    plan: Plan,
}

impl Cluster {
    /// Starts an empty cluster and waits until all nodes agree on its topology and every replica is in sync.
    ///
    /// # Panics
    /// It does not form. The message ends with the logs.
    pub async fn start() -> Self {
        Self::start_as(plan()).await
    }

    /// The same with nodes that use only TLS, also among themselves, all with the same new [`Cluster::certificates`].
    ///
    /// # Panics
    /// It does not form. The message ends with the logs.
    pub async fn start_tls(clients: ClientCertificates) -> Self {
        Self::start_as(plan().with_tls(Arc::new(Certificates::make()), clients)).await
    }

    /// The same with nodes that can be cut off: see [`Cluster::cut_off`].
    ///
    /// # Panics
    /// It does not form. The message ends with the logs.
    pub async fn start_behind_proxies() -> Self {
        Self::start_as(plan().behind_proxies()).await
    }

    /// The same with nodes that accept only the users of [`Roles`].
    ///
    /// # Panics
    /// It does not form. The message ends with the logs.
    pub async fn start_with_roles() -> Self {
        Self::start_as(plan().with_roles(Arc::new(Roles::gather()))).await
    }

    async fn start_as(plan: Plan) -> Self {
        Self::form(plan).await.unwrap_or_else(|failure| panic!("{failure}"))
    }

    async fn form(plan: Plan) -> Result<Self, String> {
        let mut nodes = Vec::new();
        for port in ports::free::<NODES>() {
            nodes.push(Server::start(port, &plan).await?);
        }
        let cluster = Self { nodes, plan };
        let formed = async {
            cluster.join().await?;
            cluster.wait_until_formed().await
        };
        formed
            .await
            .map_err(|reason| format!("the cluster did not form: {reason}{}", cluster.log_tails()))?;
        Ok(cluster)
    }

    async fn join(&self) -> Result<(), String> {
        let mut command = Command::new(&binaries().cli);
        command
            .args(self.plan.certificates().map_or_else(Vec::<PathBuf>::new, Certificates::for_command_line));
        if let Some([user, password]) = self.plan.login() {
            command.args(["--user", &user, "--pass", &password]);
        }
        command.args(["--cluster", "create"]);
        command.args(self.nodes.iter().map(|node| format!("127.0.0.1:{}", node.port())));
        command.args(["--cluster-replicas", "1", "--cluster-yes"]);
        let output = tokio::time::timeout(FORMING, command.kill_on_drop(true).output())
            .await
            .map_err(|_| format!("the nodes did not join within {FORMING:?}"))?
            .map_err(|error| format!("cannot run {}: {error}", binaries().cli.display()))?;
        if output.status.success() {
            return Ok(());
        }
        let [said, complained] = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text));
        Err(format!("the nodes did not join: {said}{complained}"))
    }

    /// Its URL, `redis-cluster://127.0.0.1:P1?node=127.0.0.1:P2&node=…`, with all nodes; `rediss-cluster://…` if it
    /// uses TLS.
    #[must_use]
    pub fn url(&self) -> String {
        let nodes: Vec<String> = self.nodes.iter().map(|node| format!("127.0.0.1:{}", node.port())).collect();
        let scheme = if self.plan.certificates().is_some() { "rediss-cluster" } else { "redis-cluster" };
        format!("{scheme}://{}", nodes.join("&node=").replacen("&node=", "?node=", 1))
    }

    /// Its URL for one of the [`Roles`].
    #[must_use]
    pub fn url_as(&self, role: &str) -> String {
        log_in(&self.url(), role, &Roles::password(role))
    }

    /// The certificates of a cluster that uses TLS.
    ///
    /// # Panics
    /// It does not use TLS.
    #[must_use]
    pub fn certificates(&self) -> &Certificates {
        self.plan.certificates().expect("only a cluster that was started with TLS has certificates")
    }

    /// A new connection to the cluster, on the calling runtime.
    ///
    /// # Panics
    /// The cluster does not answer.
    pub async fn connection(&self) -> ClusterConnection {
        // The client would wait for a paused node.
        let mut client = ClusterClient::builder(self.running().map(Server::own_url))
            .connection_timeout(ANSWER)
            .response_timeout(ANSWER);
        if let Some(certificates) = self.plan.certificates() {
            client = client.certs(certificates.for_client());
        }
        let connected = async { client.build()?.get_async_connection().await };
        connected
            .await
            .unwrap_or_else(|error| panic!("no connection to the cluster: {error}{}", self.log_tails()))
    }

    /// All nodes, primaries and replicas, running or not.
    #[must_use]
    pub fn nodes(&self) -> &[Server] {
        &self.nodes
    }

    /// The node with this port.
    ///
    /// # Panics
    /// There is none.
    #[must_use]
    pub fn node(&self, port: u16) -> &Server {
        let node = self.nodes.iter().find(|node| node.port() == port);
        node.unwrap_or_else(|| panic!("no node of the cluster has port {port}"))
    }

    /// The running nodes that are primaries.
    ///
    /// # Panics
    /// A node does not answer.
    pub async fn primaries(&self) -> Vec<&Server> {
        let mut primaries = Vec::new();
        for node in self.running() {
            let info: String = node.command(&["INFO", "replication"]).await;
            if field(&info, "role") == Some("master") {
                primaries.push(node);
            }
        }
        primaries
    }

    /// The nodes that are neither paused nor killed.
    fn running(&self) -> impl Iterator<Item = &Server> {
        self.nodes.iter().filter(|node| node.is_running())
    }

    fn log_tails(&self) -> String {
        self.nodes.iter().map(Server::log_tail).collect()
    }
}

/// No automatic migration: a primary without slots remains a primary.
fn plan() -> Plan {
    Plan::new(&[
        "--cluster-enabled",
        "yes",
        "--cluster-node-timeout",
        "2000",
        "--cluster-allow-replica-migration",
        "no",
    ])
}
