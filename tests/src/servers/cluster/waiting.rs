//! Waiting until the nodes agree.

use std::time::Duration;

use super::super::info::field;
use super::super::patience::{Missing, wait_for};
use super::view::{Peer, read, view};
use super::{Cluster, FORMING, NODES, PRIMARIES, Server};

/// How long the nodes may take to agree again after an event; it takes three to five seconds on an idle machine.
const AGREEING: Duration = Duration::from_secs(90);

impl Cluster {
    /// Waits until every running node reports a healthy cluster, all have the same view of roles and slots, and every running
    /// replica is linked to its primary.
    ///
    /// # Panics
    /// They do not agree in time. The message ends with the logs.
    pub async fn wait_until_well(&self) {
        let agreed = wait_for(AGREEING, async || self.look_whether_all_is_well().await.map(drop)).await;
        self.expect(agreed, "the cluster is not well");
    }

    pub(super) async fn wait_until_formed(&self) -> Result<(), String> {
        wait_for(FORMING, async || {
            let peers = self.look_whether_all_is_well().await?;
            let primaries = peers.iter().filter(|peer| peer.is_primary()).count();
            if peers.len() == NODES && primaries == PRIMARIES {
                return Ok(());
            }
            Err(Missing::Yet(format!("the nodes are {peers:?}")))
        })
        .await
    }

    /// Waits until the node is a primary with slots and the cluster is healthy.
    pub(super) async fn wait_until_promoted(&self, node: &Server, limit: Duration) -> Result<(), String> {
        wait_for(limit, async || {
            let peers = self.look_whether_all_is_well().await?;
            match peers.iter().find(|peer| peer.port == node.port()) {
                Some(peer) if peer.is_primary() && peer.owned().next().is_some() => Ok(()),
                peer => Err(Missing::Yet(format!("it still is {peer:?}"))),
            }
        })
        .await
    }

    /// The view that all running nodes agree on.
    pub(super) async fn look_whether_all_is_well(&self) -> Result<Vec<Peer>, Missing> {
        let mut agreed: Option<Vec<Peer>> = None;
        for node in self.running() {
            let missing = |what: String| Missing::Yet(format!("node {}: {what}", node.port()));
            let ask = async |words: &[&str]| {
                node.try_command::<String>(words).await.map_err(|error| missing(error.to_string()))
            };
            check_state(&ask(&["CLUSTER", "INFO"]).await?, self.nodes.len()).map_err(missing)?;
            let mut peers = view(node).await.map_err(|error| missing(error.to_string()))?;
            peers.retain(|peer| self.running().any(|node| node.port() == peer.port));
            if let Some(unwell) = peers.iter().find(|peer| !peer.is_well()) {
                return Err(missing(format!("it sees {unwell:?}")));
            }
            check_replication(node.port(), &ask(&["INFO", "replication"]).await?, &peers).map_err(missing)?;
            match &agreed {
                Some(agreed) if *agreed != peers => {
                    return Err(missing(format!("it sees {peers:?}, and another one {agreed:?}")));
                }
                _ => agreed = Some(peers),
            }
        }
        agreed.ok_or_else(|| Missing::ForEver("no node runs".to_owned()))
    }

    /// The view of the first running node.
    pub(super) async fn peers(&self) -> Vec<Peer> {
        let node = self.running().next().expect("at least one node runs");
        view(node).await.unwrap_or_else(|error| node.complain("CLUSTER NODES", &error))
    }

    /// Panics with a message that ends with the logs.
    pub(super) fn expect<T>(&self, outcome: Result<T, String>, what: &str) -> T {
        outcome.unwrap_or_else(|reason| panic!("{what}: {reason}{}", self.log_tails()))
    }
}

/// All nodes of a cluster in the view of the node at this port, from its replies to `CLUSTER INFO`, `CLUSTER NODES` and
/// `INFO replication`.
///
/// # Errors
/// It does not see this many nodes, or the cluster is not healthy.
pub(crate) fn whole_view(
    port: u16,
    nodes: usize,
    [state, peers, replication]: [&str; 3],
) -> Result<Vec<Peer>, String> {
    check_state(state, nodes)?;
    let peers = read(peers);
    if let Some(unwell) = peers.iter().find(|peer| !peer.is_well()) {
        return Err(format!("it sees {unwell:?}"));
    }
    if peers.len() != nodes || 2 * peers.iter().filter(|peer| peer.is_primary()).count() != nodes {
        return Err(format!("it sees {peers:?}"));
    }
    check_replication(port, replication, &peers)?;
    Ok(peers)
}

fn check_state(info: &str, nodes: usize) -> Result<(), String> {
    let nodes = nodes.to_string();
    let wanted = [("cluster_state", "ok"), ("cluster_slots_ok", "16384"), ("cluster_known_nodes", &nodes)];
    match wanted.into_iter().find(|&(name, value)| field(info, name) != Some(value)) {
        Some((name, _)) => Err(format!("{name} is {:?}", field(info, name))),
        None => Ok(()),
    }
}

/// A replica must be linked, and a primary must have all running replicas.
fn check_replication(port: u16, info: &str, peers: &[Peer]) -> Result<(), String> {
    let own = peers.iter().find(|peer| peer.port == port).ok_or("it does not see itself")?;
    let in_step = if own.is_primary() {
        let replicas = peers.iter().filter(|peer| peer.follows.as_ref() == Some(&own.id)).count();
        let online = info.lines().filter(|line| line.contains("state=online")).count();
        field(info, "role") == Some("master") && online >= replicas
    } else {
        field(info, "role") == Some("slave") && field(info, "master_link_status") == Some("up")
    };
    if in_step { Ok(()) } else { Err(format!("its replication is not up: {info}")) }
}
