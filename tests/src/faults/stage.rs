//! The servers under test, and how each fault is caused.

use std::time::Duration;

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::Rng;

use super::history::{Happening, Recorder};
use super::load::Load;
use crate::servers::{Cluster, Sentinel, Server, Takeover};

/// The delay between two servers, in each direction: without it, replicas on loopback would never lag.
const WAY: Duration = Duration::from_millis(2);
/// How long the lagging replica receives nothing before the primary is killed: longer than a change waits for it, so that
/// changes finish meanwhile, and shorter than the time after which the others consider it down.
const LAG: Duration = Duration::from_millis(1_500);
/// The minimum time for which a primary is cut off.
const CUT: Duration = Duration::from_secs(3);
/// How many validations are made during a change of topology.
const VALIDATIONS: usize = 10_000;
/// How many slots move.
const SLOTS: usize = 500;

/// The servers to which faults happen.
pub(super) enum Stage {
    /// Three primaries with a replica each.
    Cluster(Cluster),
    /// One primary with two replicas, and three sentinels.
    Sentinel(Sentinel),
}

/// A fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// A primary is killed, and the most advanced replica takes over.
    Kill,
    /// A primary is killed, and a replica takes over that has received nothing from it for a while.
    Laggard,
    /// A primary is cut off from all other servers, but not from clients, until another one has taken over.
    CutOff,
    /// A primary hangs: its connections stay open, and nothing answers.
    Hang,
    /// Slots move from one primary to another while a third primary is replaced.
    Reshard,
    /// An empty node joins, gets slots, returns them and leaves.
    Grow,
    /// The scripts of every node are flushed repeatedly.
    FlushScripts,
}

impl Fault {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Kill, Self::Laggard, Self::CutOff, Self::Hang, Self::Reshard, Self::Grow, Self::FlushScripts];

    /// Its name in histories and on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Kill => "kill",
            Self::Laggard => "laggard",
            Self::CutOff => "cut-off",
            Self::Hang => "hang",
            Self::Reshard => "reshard",
            Self::Grow => "grow",
            Self::FlushScripts => "flush-scripts",
        }
    }

    /// Whether it may undo changes that no replica has confirmed.
    #[must_use]
    pub fn may_lose(self) -> bool {
        matches!(self, Self::Kill | Self::Laggard | Self::CutOff | Self::Hang)
    }

    /// Whether calls may fail during it.
    #[must_use]
    pub fn may_fail(self) -> bool {
        self != Self::FlushScripts
    }
}

impl Stage {
    /// The store URL.
    #[must_use]
    pub(super) fn url(&self) -> String {
        match self {
            Self::Cluster(cluster) => cluster.url(),
            Self::Sentinel(sentinel) => sentinel.url(),
        }
    }

    /// Delays traffic between the servers as in a data centre.
    pub(super) fn spread(&self) {
        match self {
            Self::Cluster(cluster) => cluster.delay(WAY),
            Self::Sentinel(sentinel) => sentinel.delay(WAY),
        }
    }

    /// Causes the fault and waits until the servers have recovered. Some may still be down: see [`Stage::repair`].
    ///
    /// # Panics
    /// The servers do not recover, or the fault does not apply to this topology.
    pub(super) async fn strike(&mut self, fault: Fault, on: &Recorder, load: &Load, rng: &mut ChaCha20Rng) {
        match self {
            Self::Cluster(cluster) => strike_cluster(cluster, fault, on, load, rng).await,
            Self::Sentinel(sentinel) => strike_sentinel(sentinel, fault, on).await,
        }
    }

    /// Restarts killed servers, and resumes paused ones.
    ///
    /// # Panics
    /// A server does not start, or does not get in sync.
    pub(super) async fn repair(&self) {
        match self {
            Self::Cluster(cluster) => {
                for node in cluster.nodes() {
                    start_again(node).await;
                }
                cluster.wait_until_well().await;
            }
            Self::Sentinel(all) => {
                let primary = all.primary().await;
                for server in all.servers() {
                    if start_again(server).await {
                        // The Sentinels would do it, but later.
                        server.replicate(primary).await;
                    }
                }
                all.wait_until_all_follow().await;
            }
        }
    }
}

/// Whether it had to be restarted.
async fn start_again(server: &Server) -> bool {
    if server.is_running() {
        return false;
    }
    if server.is_paused() {
        server.resume();
        return false;
    }
    server.restart().await;
    true
}

async fn strike_cluster(
    cluster: &mut Cluster,
    fault: Fault,
    on: &Recorder,
    load: &Load,
    rng: &mut ChaCha20Rng,
) {
    if fault == Fault::Grow {
        return grow(cluster, on, load).await;
    }
    let primaries = cluster.primaries().await;
    let primary = primaries[rng.next_u32() as usize % primaries.len()];
    let replica = cluster.replica_of(primary).await;
    replica.wait_until_in_step_with(primary).await;
    match fault {
        Fault::Kill => {
            on.mark(Happening::Fault);
            primary.kill();
            cluster.wait_until_taken_over_by(replica).await;
        }
        Fault::Hang => {
            on.mark(Happening::Fault);
            primary.pause();
            cluster.wait_until_taken_over_by(replica).await;
        }
        Fault::Laggard => {
            primary.keep_apart_from(replica);
            tokio::time::sleep(LAG).await;
            on.mark(Happening::Fault);
            primary.kill();
            cluster.wait_until_taken_over_by(replica).await;
            primary.reunite_with(replica);
        }
        Fault::CutOff => {
            on.mark(Happening::Fault);
            cluster.cut_off(primary);
            tokio::time::sleep(CUT).await;
            cluster.wait_until_promoted_apart(replica).await;
            on.mark(Happening::Well);
            cluster.rejoin(primary);
            return cluster.wait_until_well().await;
        }
        Fault::Reshard => {
            let others: Vec<&Server> =
                primaries.iter().copied().filter(|other| other.port() != primary.port()).collect();
            let before = load.validations();
            on.mark(Happening::Fault);
            cluster.move_slots(SLOTS, others[0], others[1]).await;
            cluster.fail_over(replica, Takeover::Agreed).await;
            cluster.move_slots(SLOTS, others[1], others[0]).await;
            on.mark(Happening::Well);
            return until_validated(load, before).await;
        }
        Fault::FlushScripts => {
            on.mark(Happening::Fault);
            let before = load.validations();
            while load.validations() < before + VALIDATIONS {
                for node in cluster.nodes() {
                    node.command::<()>(&["SCRIPT", "FLUSH"]).await;
                }
            }
        }
        Fault::Grow => unreachable!("it is done above"),
    }
    on.mark(Happening::Well);
}

/// A new node has neither tokens nor scripts.
async fn grow(cluster: &mut Cluster, on: &Recorder, load: &Load) {
    let before = load.validations();
    on.mark(Happening::Fault);
    let added = cluster.add_node().await;
    let added = cluster.node(added);
    let giver = cluster.primaries().await.into_iter().find(|other| other.port() != added.port());
    let giver = giver.expect("there are others");
    cluster.move_slots(SLOTS, giver, added).await;
    cluster.move_slots(SLOTS, added, giver).await;
    let added = added.port();
    cluster.remove_node(added).await;
    on.mark(Happening::Well);
    until_validated(load, before).await;
}

async fn until_validated(load: &Load, before: usize) {
    while load.validations() < before + VALIDATIONS {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn strike_sentinel(all: &Sentinel, fault: Fault, on: &Recorder) {
    let primary = all.primary().await;
    all.wait_until_all_follow().await;
    match fault {
        Fault::Kill => {
            on.mark(Happening::Fault);
            primary.kill();
        }
        Fault::Hang => {
            on.mark(Happening::Fault);
            primary.pause();
        }
        Fault::Laggard => {
            let laggard = all.servers().iter().find(|server| server.port() != primary.port());
            let laggard = laggard.expect("there are replicas");
            all.prefer(laggard).await;
            primary.keep_apart_from(laggard);
            tokio::time::sleep(LAG).await;
            on.mark(Happening::Fault);
            primary.kill();
            let promoted = all.wait_for_other_primary_than(primary).await;
            assert_eq!(promoted.port(), laggard.port(), "the laggard was to be promoted");
            primary.reunite_with(laggard);
        }
        Fault::CutOff => {
            on.mark(Happening::Fault);
            all.cut_off(primary);
            tokio::time::sleep(CUT).await;
            all.wait_for_other_primary_than(primary).await;
            on.mark(Happening::Well);
            all.rejoin(primary);
            return all.wait_until_all_follow().await;
        }
        Fault::FlushScripts => {
            on.mark(Happening::Fault);
            for _ in 0..1_000 {
                primary.command::<()>(&["SCRIPT", "FLUSH"]).await;
            }
            return on.mark(Happening::Well);
        }
        Fault::Reshard | Fault::Grow => panic!("sentinels have no slots to move"),
    }
    all.wait_for_other_primary_than(primary).await;
    on.mark(Happening::Well);
}
