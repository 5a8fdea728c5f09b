//! `nodes`: throughput by the number of validating processes, and of primaries in a cluster.

use std::process::Stdio;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use token_core::{KeyRing, Requirement};
use token_tests::servers::Cluster;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use crate::arena::{Arena, Texts, issue, service, sliding};
use crate::contest::Entry;
use crate::contestants::ours::Ours;
use crate::outcome::{Outcome, failure};
use crate::results::Docs;
use crate::spread::Spread;

const NODES: [usize; 4] = [1, 2, 4, 8];
const TOKENS: usize = 10_000;
/// The total number of callers, for any number of nodes: only the number of processes changes.
const CALLERS: usize = 256;
const ROUNDS: usize = 5;
const LAP: Duration = Duration::from_secs(1);

/// The joint result of this number of nodes.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct NodesRow {
    pub(crate) primaries: usize,
    pub(crate) nodes: usize,
    pub(crate) per_second: Spread,
}

/// Measures, prints and saves the results.
pub(crate) async fn run(docs: &Docs) -> Outcome<()> {
    let arena = Arena::open(TOKENS).await;
    let cluster = Cluster::start().await;
    let stores = [(1, arena.server.url()), (3, cluster.url())];
    let mut texts = Vec::new();
    for (_, url) in &stores {
        texts.push(issue(&service(url, KeyRing::public()).await?, sliding()?, TOKENS).await?);
    }
    let mut rows = Vec::new();
    for nodes in NODES {
        let mut fleets = Vec::new();
        for ((_, url), texts) in stores.iter().zip(&texts) {
            fleets.push(Fleet::start(nodes, url, texts).await?);
        }
        let mut laps = vec![Vec::new(); fleets.len()];
        for round in 0..=ROUNDS {
            for (fleet, laps) in fleets.iter_mut().zip(&mut laps) {
                let per_second = fleet.lap().await?;
                // The first lap is a warm-up.
                laps.extend((round > 0).then_some(per_second));
            }
        }
        for ((primaries, _), laps) in stores.iter().zip(laps) {
            let row = NodesRow { primaries: *primaries, nodes, per_second: Spread::of(laps) };
            println!("{primaries} primaries, {nodes} nodes: {:>10.0}/s", row.per_second.median);
            rows.push(row);
        }
    }
    docs.keep("nodes", rows)
}

/// Nodes on the same store.
struct Fleet(Vec<Node>);

struct Node {
    /// Killed on drop.
    _child: Child,
    asks: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
}

impl Fleet {
    async fn start(nodes: usize, url: &str, texts: &Texts) -> Outcome<Self> {
        let mut fleet = Vec::new();
        for _ in 0..nodes {
            fleet.push(Node::start(url, CALLERS / nodes, texts).await?);
        }
        Ok(Self(fleet))
    }

    /// Runs a lap on all nodes at once.
    async fn lap(&mut self) -> Outcome<f64> {
        let start = Instant::now();
        for node in &mut self.0 {
            node.asks.write_all(b"lap\n").await?;
        }
        let mut calls = 0;
        for node in &mut self.0 {
            calls += node.line().await?.parse::<u64>()?;
        }
        Ok(calls as f64 / start.elapsed().as_secs_f64())
    }
}

impl Node {
    async fn start(url: &str, callers: usize, texts: &Texts) -> Outcome<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["node", "--store", url, "--callers", &callers.to_string()]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true).spawn()?;
        let (Some(mut asks), Some(answers)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(failure("a node without input or output"));
        };
        // Tokens are secrets: they are passed on standard input, never as arguments.
        asks.write_all(format!("{}\n", texts.join(" ")).as_bytes()).await?;
        let mut node = Self { _child: child, asks, answers: BufReader::new(answers).lines() };
        let line = node.line().await?;
        if line == "ready" { Ok(node) } else { Err(failure(format!("a node: {line}"))) }
    }

    async fn line(&mut self) -> Outcome<String> {
        let line = tokio::time::timeout(LAP + Duration::from_secs(20), self.answers.next_line()).await??;
        line.ok_or_else(|| failure("a node has ended"))
    }
}

/// The main loop of a node process: reads tokens from the first line of standard input, and runs a lap for each further line.
pub(crate) async fn serve(url: &str, callers: usize) -> Outcome<()> {
    let mut lines = BufReader::new(tokio::io::stdin().take(64 << 20)).lines();
    let texts = lines.next_line().await?.unwrap_or_default();
    let texts = texts.split(' ').map(Box::from).collect::<Vec<_>>().into();
    let tokens = service(url, KeyRing::public()).await?;
    let entry = Entry::new("a node", "", Ours { tokens, texts, requirement: Requirement::any() });
    entry.lap(callers, LAP / 10).await?;
    println!("ready");
    while lines.next_line().await?.is_some() {
        println!("{}", entry.lap(callers, LAP).await?.calls);
    }
    Ok(())
}
