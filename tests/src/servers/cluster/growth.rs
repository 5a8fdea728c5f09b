//! Nodes that join and leave.

use std::time::Duration;

use super::super::patience::{Missing, wait_for};
use super::view::view;
use super::{Cluster, Server};

/// How long the nodes may take to know a new one after CLUSTER MEET.
const MEETING: Duration = Duration::from_secs(10);
/// How often CLUSTER MEET is sent.
const INTRODUCTIONS: usize = 6;

impl Cluster {
    /// Starts one more node, a primary without slots, and waits until all nodes know it. Returns its port, for
    /// [`Cluster::node`].
    ///
    /// # Panics
    /// It does not start, or some node does not know it in time. The message ends with the logs.
    pub async fn add_node(&mut self) -> u16 {
        let node = Server::start_anywhere(&self.plan).await.unwrap_or_else(|failure| panic!("{failure}"));
        let port = node.port();
        self.nodes.push(node);
        let mut met = Ok(());
        for _ in 0..INTRODUCTIONS {
            self.introduce(port).await;
            met = wait_for(MEETING, async || self.look_whether_all_know(port).await).await;
            if met.is_ok() {
                break;
            }
        }
        self.expect(met, "the new node was not met");
        self.wait_until_well().await;
        port
    }

    /// Makes a node without slots a replica of this primary, and waits until it is in sync and all nodes know it.
    ///
    /// # Panics
    /// It refuses, or is not in sync in time. The message ends with the logs.
    pub async fn make_replica_of(&self, node: &Server, primary: &Server) {
        let id: String = primary.command(&["CLUSTER", "MYID"]).await;
        node.command::<()>(&["CLUSTER", "REPLICATE", &id]).await;
        node.wait_until_in_step_with(primary).await;
        let port = node.port();
        let known = wait_for(MEETING, async || {
            for other in self.running() {
                let peers = view(other).await.map_err(|error| Missing::Yet(error.to_string()))?;
                let seen = peers.iter().find(|peer| peer.port == port).and_then(|peer| peer.follows.as_ref());
                if seen != Some(&id) {
                    return Err(Missing::Yet(format!("node {} does not see it follow", other.port())));
                }
            }
            Ok(())
        });
        self.expect(known.await, &format!("port {port} did not become a replica"));
    }

    /// Kills a node without slots, makes all others forget it, and waits until the cluster is healthy.
    ///
    /// # Panics
    /// It owns slots, has a replica, or the others do not forget it. The message ends with the logs.
    pub async fn remove_node(&mut self, port: u16) {
        let node = self.node(port);
        let owned = self.slots_of(node).await;
        assert!(owned.is_empty(), "port {port} owns {} slots; move them first", owned.len());
        let id = self.peers().await.into_iter().find(|peer| peer.port == port).map(|peer| peer.id);
        let id = id.unwrap_or_else(|| panic!("the cluster does not know port {port}"));
        // Kill it before the others forget it, so that it cannot announce itself again.
        node.kill();
        self.nodes.retain(|node| node.port() != port);
        for other in self.running() {
            other.command::<()>(&["CLUSTER", "FORGET", &id]).await;
        }
        self.wait_until_well().await;
    }

    async fn introduce(&self, port: u16) {
        let old = self.running().next().expect("at least one node runs");
        old.command::<()>(&["CLUSTER", "MEET", "127.0.0.1", &port.to_string()]).await;
    }

    async fn look_whether_all_know(&self, port: u16) -> Result<(), Missing> {
        for node in self.running() {
            let peers = view(node).await.map_err(|error| Missing::Yet(error.to_string()))?;
            if !peers.iter().any(|peer| peer.port == port && peer.is_well()) {
                return Err(Missing::Yet(format!("node {} does not know port {port}", node.port())));
            }
        }
        Ok(())
    }
}
