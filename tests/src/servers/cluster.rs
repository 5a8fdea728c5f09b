//! Six servers that form a cluster.

use std::time::Duration;

use redis::cluster::ClusterClient;
use redis::cluster_async::ClusterConnection;
use tokio::process::Command;

use super::binaries::binaries;
use super::patience::{Missing, wait_for};
use super::ports;
use super::server::{ANSWER, Server};

const NODES: usize = 6;
const PRIMARIES: usize = 3;
/// How often the whole is tried again, with other ports.
const ATTEMPTS: usize = 3;
/// How long forming may take; it takes about three seconds where nothing else runs.
const FORMING: Duration = Duration::from_secs(60);

/// A cluster of three primaries with a replica each.
#[derive(Debug)]
pub struct Cluster {
    nodes: Vec<Server>,
}

impl Cluster {
    /// Starts an empty cluster and waits until every node agrees on all of it and every replica is in step.
    ///
    /// # Panics
    /// It does not form. The message ends with the logs.
    pub async fn start() -> Self {
        let mut failures = Vec::new();
        for _ in 0..ATTEMPTS {
            match Self::form().await {
                Ok(cluster) => return cluster,
                Err(failure) => failures.push(failure),
            }
        }
        panic!("no cluster formed: {}", failures.join("\n"))
    }

    async fn form() -> Result<Self, String> {
        let arguments = "--cluster-enabled yes --cluster-node-timeout 2000 --repl-diskless-sync-delay 0";
        let arguments: Vec<String> = arguments.split(' ').map(str::to_owned).collect();
        let mut nodes = Vec::new();
        for port in ports::free::<NODES>() {
            nodes.push(Server::start(port, &arguments).await?);
        }
        let cluster = Self { nodes };
        let formed = async {
            cluster.join().await?;
            wait_for(FORMING, async || cluster.look_whether_all_is_well().await).await
        };
        formed
            .await
            .map_err(|reason| format!("the cluster did not form: {reason}{}", cluster.log_tails()))?;
        Ok(cluster)
    }

    async fn join(&self) -> Result<(), String> {
        let mut command = Command::new(&binaries().cli);
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

    async fn look_whether_all_is_well(&self) -> Result<(), Missing> {
        for node in &self.nodes {
            let missing = |what: String| Missing::Yet(format!("node {}: {what}", node.port()));
            let ask = async |words: &[&str]| {
                node.try_command::<String>(words).await.map_err(|error| missing(error.to_string()))
            };
            let (state, peers) = (ask(&["CLUSTER", "INFO"]).await?, ask(&["CLUSTER", "NODES"]).await?);
            let replication = ask(&["INFO", "replication"]).await?;
            check_state(&state).and_then(|()| check_peers(&peers)).map_err(missing)?;
            check_replication(&replication).map_err(missing)?;
        }
        Ok(())
    }

    /// Its URL, `redis-cluster://127.0.0.1:P1?node=127.0.0.1:P2&node=…`, with all nodes.
    #[must_use]
    pub fn url(&self) -> String {
        let nodes: Vec<String> = self.nodes.iter().map(|node| format!("127.0.0.1:{}", node.port())).collect();
        format!("redis-cluster://{}", nodes.join("&node=").replacen("&node=", "?node=", 1))
    }

    /// A new connection that finds the node of each key, and belongs to the runtime it is called on.
    ///
    /// # Panics
    /// The cluster does not answer.
    pub async fn connection(&self) -> ClusterConnection {
        let client =
            ClusterClient::builder(self.nodes.iter().map(Server::url)).response_timeout(ANSWER).build();
        let connected = async { client?.get_async_connection().await };
        connected
            .await
            .unwrap_or_else(|error| panic!("no connection to the cluster: {error}{}", self.log_tails()))
    }

    /// All nodes, primaries and replicas.
    #[must_use]
    pub fn nodes(&self) -> &[Server] {
        &self.nodes
    }

    /// The nodes that are primaries now.
    ///
    /// # Panics
    /// A node does not answer.
    pub async fn primaries(&self) -> Vec<&Server> {
        let mut primaries = Vec::new();
        for node in &self.nodes {
            let info: String = node.command(&["INFO", "replication"]).await;
            if field(&info, "role") == Some("master") {
                primaries.push(node);
            }
        }
        primaries
    }

    fn log_tails(&self) -> String {
        self.nodes.iter().map(Server::log_tail).collect()
    }
}

fn check_state(info: &str) -> Result<(), String> {
    let wanted = [("cluster_state", "ok"), ("cluster_slots_ok", "16384"), ("cluster_known_nodes", "6")];
    match wanted.into_iter().find(|&(name, value)| field(info, name) != Some(value)) {
        Some((name, _)) => Err(format!("{name} is {:?}", field(info, name))),
        None => Ok(()),
    }
}

/// Every node must know the role of every other one.
fn check_peers(nodes: &str) -> Result<(), String> {
    let flags =
        |line: &str| line.split(' ').nth(2).map(|flags| flags.trim_start_matches("myself,").to_owned());
    let flags: Vec<String> = nodes.lines().filter_map(flags).collect();
    let count = |role| flags.iter().filter(|flags| *flags == role).count();
    if count("master") == PRIMARIES && count("slave") == NODES - PRIMARIES {
        return Ok(());
    }
    Err(format!("it sees its peers as {flags:?}"))
}

fn check_replication(info: &str) -> Result<(), String> {
    let in_step = match field(info, "role") {
        Some("master") => field(info, "slave0").is_some_and(|replica| replica.contains("state=online")),
        _ => field(info, "master_link_status") == Some("up"),
    };
    if in_step { Ok(()) } else { Err(format!("its replication is not up: {info}")) }
}

/// The value of a line `name:value`.
fn field<'a>(info: &'a str, name: &str) -> Option<&'a str> {
    info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
}
