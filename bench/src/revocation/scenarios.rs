//! The faults of nodes, links and servers during the measurement.

use std::time::Duration;

use clap::ValueEnum;
use token_tests::servers::{Cluster, Proxy, Standalone};
use tokio::time::sleep;

use super::history::{Revoked, Use};
use super::stage::{BOUND, Stage};
use crate::outcome::Outcome;

/// The time before and after each fault.
const WELL: Duration = Duration::from_secs(2);
/// How long a link is stalled or cut.
const BROKEN: Duration = Duration::from_secs(3);
/// How long the server is stopped.
const STOPPED: Duration = Duration::from_secs(2);
/// The assumed time of a failover, for which tokens are prepared.
const TAKING_OVER: Duration = Duration::from_secs(20);

/// A scenario.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Scenario {
    /// No fault.
    Healthy,
    /// The links of half of the nodes stall: they stay open, and nothing arrives.
    Stalled,
    /// The links of half of the nodes are closed and cannot be opened again for a while.
    Cut,
    /// The server is stopped with SIGSTOP, and continued.
    Stopped,
    /// A primary of a cluster is killed, and its replica takes over.
    Failover,
}

/// Histories of nodes with the same conditions.
pub(crate) struct Group {
    pub(crate) name: &'static str,
    pub(crate) histories: Vec<Vec<Use>>,
}

/// The histories of a scenario.
pub(crate) struct Played {
    pub(crate) revoked: Vec<Revoked>,
    pub(crate) groups: Vec<Group>,
}

impl Scenario {
    pub(crate) async fn play(self, nodes: usize, rounds: u32) -> Outcome<Played> {
        match self {
            Self::Healthy => healthy(nodes, rounds).await,
            Self::Stalled => stalled(nodes, rounds).await,
            Self::Cut => cut(nodes, rounds).await,
            Self::Stopped => stopped(nodes, rounds).await,
            Self::Failover => failover(nodes).await,
        }
    }
}

async fn healthy(nodes: usize, rounds: u32) -> Outcome<Played> {
    let server = Standalone::start().await;
    let stage = Stage::set(&server.url(), &vec![server.url(); nodes], length(rounds)).await?;
    let revoked = during(&stage, sleep(length(rounds))).await?;
    Ok(Played { revoked, groups: vec![group("healthy", &stage, 0..nodes)] })
}

async fn stalled(nodes: usize, rounds: u32) -> Outcome<Played> {
    let (_server, proxy, stage) = half_behind_a_proxy(nodes, rounds).await?;
    let revoked = during(&stage, async {
        for _ in 0..rounds {
            sleep(WELL).await;
            proxy.stall();
            sleep(BROKEN).await;
            proxy.heal().await;
        }
        sleep(WELL).await;
    });
    let revoked = revoked.await?;
    let groups = halves(["stalled", "stalled: the others"], &stage);
    Ok(Played { revoked, groups })
}

async fn cut(nodes: usize, rounds: u32) -> Outcome<Played> {
    let (_server, proxy, stage) = half_behind_a_proxy(nodes, rounds).await?;
    let revoked = during(&stage, async {
        for _ in 0..rounds {
            sleep(WELL).await;
            proxy.cut().await;
            sleep(BROKEN).await;
            proxy.heal().await;
        }
        sleep(WELL).await;
    });
    let revoked = revoked.await?;
    let groups = halves(["cut", "cut: the others"], &stage);
    Ok(Played { revoked, groups })
}

async fn stopped(nodes: usize, rounds: u32) -> Outcome<Played> {
    let server = Standalone::start().await;
    let stage = Stage::set(&server.url(), &vec![server.url(); nodes], length(rounds)).await?;
    let revoked = during(&stage, async {
        for _ in 0..rounds {
            sleep(WELL).await;
            server.pause();
            sleep(STOPPED).await;
            server.resume();
        }
        sleep(WELL).await;
    });
    let revoked = revoked.await?;
    Ok(Played { revoked, groups: vec![group("stopped", &stage, 0..nodes)] })
}

async fn failover(nodes: usize) -> Outcome<Played> {
    let cluster = Cluster::start().await;
    let stage = Stage::set(&cluster.url(), &vec![cluster.url(); nodes], TAKING_OVER).await?;
    let revoked = during(&stage, async {
        sleep(WELL).await;
        cluster.kill_primary(cluster.owner_of(0).await).await;
        // The replica takes over within some seconds; most observed pairs are from the time after that.
        sleep(5 * WELL).await;
    });
    let revoked = revoked.await?;
    Ok(Played { revoked, groups: vec![group("failover", &stage, 0..nodes)] })
}

fn length(rounds: u32) -> Duration {
    (WELL + BROKEN) * rounds + WELL
}

/// Connects the first half of the nodes through the proxy.
async fn half_behind_a_proxy(nodes: usize, rounds: u32) -> Outcome<(Standalone, Proxy, Stage)> {
    let server = Standalone::start().await;
    let proxy = Proxy::to(server.port()).await;
    let mut urls = vec![format!("redis://127.0.0.1:{}", proxy.port()); nodes / 2];
    urls.resize(nodes, server.url());
    let stage = Stage::set(&server.url(), &urls, length(rounds)).await?;
    Ok((server, proxy, stage))
}

/// Runs these events during the measurement, which starts with the first revocation.
async fn during(stage: &Stage, happening: impl Future<Output = ()>) -> Outcome<Vec<Revoked>> {
    let script = async {
        sleep(BOUND).await;
        happening.await;
        stage.end();
    };
    let (revoked, ()) = tokio::join!(stage.play(), script);
    revoked
}

fn halves(names: [&'static str; 2], stage: &Stage) -> Vec<Group> {
    let (nodes, [first, second]) = (stage.nodes.len(), names);
    vec![group(first, stage, 0..nodes / 2), group(second, stage, nodes / 2..nodes)]
}

fn group(name: &'static str, stage: &Stage, nodes: std::ops::Range<usize>) -> Group {
    let nodes = stage.nodes.iter().skip(nodes.start).take(nodes.len());
    Group { name, histories: nodes.map(|node| node.journal.take()).collect() }
}
