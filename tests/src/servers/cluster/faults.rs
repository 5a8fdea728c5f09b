//! Failing primaries, and replicas that take over.

use std::time::Duration;

use super::super::info::field;
use super::super::patience::{Missing, wait_for};
use super::{Cluster, Server};

/// How long a replica may need to take over from a primary that does not answer; it takes three to five seconds on an idle
/// machine. A failed election is repeated after eight seconds.
const PROMOTION: Duration = Duration::from_secs(90);
/// How long one CLUSTER FAILOVER may take, which a node gives up by itself after five seconds.
const ORDERED: Duration = Duration::from_secs(10);
/// How often CLUSTER FAILOVER is sent.
const ORDERS: usize = 6;

/// How a replica takes over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Takeover {
    /// With the primary's help: it blocks its clients until the replica is in sync.
    Agreed,
    /// Without the primary, but elected by the other primaries.
    Force,
    /// Without the primary and without an election.
    Takeover,
}

impl Cluster {
    /// The running replica of this primary, in the view of a running node.
    ///
    /// # Panics
    /// It has none.
    pub async fn replica_of(&self, primary: &Server) -> &Server {
        let peers = self.peers().await;
        let id = peers.iter().find(|peer| peer.port == primary.port()).map(|peer| &peer.id);
        let found = peers.iter().filter(|peer| peer.follows.is_some() && peer.follows.as_ref() == id);
        let running = found.map(|peer| self.node(peer.port)).find(|node| node.is_running());
        running.unwrap_or_else(|| panic!("port {} has no replica that runs: {peers:?}", primary.port()))
    }

    /// Kills a primary and waits until its replica has taken over and the cluster is healthy again. Returns that replica.
    ///
    /// # Panics
    /// It does not take over in time. The message ends with the logs.
    pub async fn kill_primary(&self, primary: &Server) -> &Server {
        self.lose(primary, Server::kill).await
    }

    /// Pauses a primary and waits until its replica has taken over and the cluster is healthy again. Returns that replica.
    /// The old primary learns of it when it is resumed: wait for that with [`Cluster::wait_until_well`].
    ///
    /// # Panics
    /// It does not take over in time. The message ends with the logs.
    pub async fn pause_primary(&self, primary: &Server) -> &Server {
        self.lose(primary, Server::pause).await
    }

    async fn lose(&self, primary: &Server, fault: fn(&Server)) -> &Server {
        let replica = self.replica_of(primary).await;
        // A replica that was never in sync does not take over.
        replica.wait_until_in_step_with(primary).await;
        fault(primary);
        self.wait_until_taken_over_by(replica).await;
        replica
    }

    /// Cuts a node off from all others, but not from clients.
    ///
    /// # Panics
    /// The cluster was started without proxies.
    pub fn cut_off(&self, node: &Server) {
        self.others(node).for_each(|other| node.keep_apart_from(other));
    }

    /// Ends [`Cluster::cut_off`]. The nodes need a while to recover: see [`Cluster::wait_until_well`].
    ///
    /// # Panics
    /// The cluster was started without proxies.
    pub fn rejoin(&self, node: &Server) {
        self.others(node).for_each(|other| node.reunite_with(other));
    }

    /// Delays traffic between any two nodes by this time, in each direction.
    ///
    /// # Panics
    /// The cluster was started without proxies.
    pub fn delay(&self, by: Duration) {
        for node in &self.nodes {
            self.others(node).for_each(|other| node.delay(other, by));
        }
    }

    fn others(&self, node: &Server) -> impl Iterator<Item = &Server> {
        let port = node.port();
        self.nodes.iter().filter(move |other| other.port() != port)
    }

    /// Waits until this replica has taken over, in the view of all nodes except the primary that is cut off.
    ///
    /// # Panics
    /// It does not take over in time. The message ends with the logs.
    pub async fn wait_until_promoted_apart(&self, replica: &Server) {
        let promoted = wait_for(PROMOTION, async || {
            let info: String = replica
                .try_command(&["INFO", "replication"])
                .await
                .map_err(|error| Missing::Yet(error.to_string()))?;
            if field(&info, "role") == Some("master") { Ok(()) } else { Err(Missing::Yet(info)) }
        });
        self.expect(promoted.await, &format!("port {} did not take over", replica.port()));
    }

    /// Waits until this replica has taken over and the cluster is healthy.
    ///
    /// # Panics
    /// It does not take over in time. The message ends with the logs.
    pub async fn wait_until_taken_over_by(&self, replica: &Server) {
        let promoted = self.wait_until_promoted(replica, PROMOTION).await;
        self.expect(promoted, &format!("port {} did not take over", replica.port()));
    }

    /// Makes a replica take over, and waits until it has and the cluster is healthy.
    ///
    /// # Panics
    /// It refuses, or does not take over in time. The message ends with the logs.
    pub async fn fail_over(&self, replica: &Server, how: Takeover) {
        let order: &[&str] = match how {
            Takeover::Agreed => &["CLUSTER", "FAILOVER"],
            Takeover::Force => &["CLUSTER", "FAILOVER", "FORCE"],
            Takeover::Takeover => &["CLUSTER", "FAILOVER", "TAKEOVER"],
        };
        let mut outcome = Ok(());
        for _ in 0..ORDERS {
            if self.is_primary(replica).await {
                break;
            }
            replica.command::<()>(order).await;
            outcome = self.wait_until_promoted(replica, ORDERED).await;
            if outcome.is_ok() {
                return;
            }
        }
        if self.is_primary(replica).await {
            outcome = self.wait_until_promoted(replica, PROMOTION).await;
        }
        self.expect(outcome, &format!("port {} did not take over", replica.port()));
    }

    async fn is_primary(&self, node: &Server) -> bool {
        self.primaries().await.iter().any(|primary| primary.port() == node.port())
    }
}
