//! `revocation`: how soon nodes with a local cache refuse a token after its revocation was acknowledged.
//!
//! All nodes are stores in this process, so that one monotonic clock times them all; each has its own connections and
//! cache. Each records its uses and answers; a checker reads only these.

mod checker;
mod history;
mod scenarios;
mod stage;

use clap::{Args, ValueEnum};
use serde::{Deserialize, Serialize};

use self::checker::{Findings, judge};
pub(crate) use self::scenarios::Scenario;
use self::scenarios::{Group, Played};
use self::stage::{BOUND, PACE};
use crate::outcome::{Outcome, failure};
use crate::results::Docs;

/// The options of `revocation`.
#[derive(Debug, Clone, Args)]
pub(crate) struct RevocationArgs {
    /// How many nodes.
    #[arg(long, default_value_t = 16)]
    nodes: usize,
    /// How often each fault happens.
    #[arg(long, default_value_t = 3)]
    rounds: u32,
    /// Only these scenarios, several separated by commas.
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Scenario>,
}

impl Default for RevocationArgs {
    fn default() -> Self {
        Self { nodes: 16, rounds: 3, only: Vec::new() }
    }
}

/// The results.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Revocations {
    /// The longest time that a revoked token may be accepted, in milliseconds.
    pub(crate) bound_ms: u64,
    /// The time between two revocations, in milliseconds.
    pub(crate) pace_ms: u64,
    /// How often each fault happened; a failover happens once.
    pub(crate) rounds: u32,
    pub(crate) rows: Vec<RevocationRow>,
}

/// Nodes with the same conditions. A pair is a revocation and a node. It is observed if the token was in use on the node
/// before, and was used again after the bound.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct RevocationRow {
    pub(crate) name: String,
    pub(crate) nodes: usize,
    pub(crate) revocations: usize,
    /// The number of pairs, and of observed ones.
    pub(crate) pairs: usize,
    pub(crate) watched: usize,
    pub(crate) uses: usize,
    /// From the acknowledgement to the start of the last accepted use.
    pub(crate) delay: Quantiles,
    /// From the acknowledgement to the start of the next use, which was not accepted.
    pub(crate) refused: Quantiles,
    /// The delay of the slowest node of each revocation.
    pub(crate) slowest: Quantiles,
    /// Accepted uses that started after the bound.
    pub(crate) late: usize,
}

/// In microseconds.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Quantiles {
    pub(crate) p50_us: f64,
    pub(crate) p90_us: f64,
    pub(crate) p99_us: f64,
    pub(crate) p999_us: f64,
    pub(crate) max_us: f64,
}

/// Measures, prints and saves the results. Fails if a revoked token was accepted too late.
pub(crate) async fn run(arguments: &RevocationArgs, docs: &Docs) -> Outcome<()> {
    let all = Scenario::value_variants().to_vec();
    let scenarios = if arguments.only.is_empty() { &all } else { &arguments.only };
    let mut rows = Vec::new();
    for scenario in scenarios {
        let Played { revoked, groups } = scenario.play(arguments.nodes, arguments.rounds).await?;
        for Group { name, histories } in groups {
            let histories: Vec<_> = histories.iter().map(Vec::as_slice).collect();
            let found = judge(&revoked, &histories, BOUND.as_nanos() as u64);
            rows.push(row(name, histories.len(), revoked.len(), &found)?);
            rows.last().into_iter().for_each(print);
        }
    }
    let late: usize = rows.iter().map(|row| row.late).sum();
    let (bound_ms, pace_ms) = (BOUND.as_millis() as u64, PACE.as_millis() as u64);
    docs.keep("revocation", Revocations { bound_ms, pace_ms, rounds: arguments.rounds, rows })?;
    if late > 0 {
        return Err(failure(format!("{late} uses of revoked tokens were accepted later than {BOUND:?}")));
    }
    Ok(())
}

fn row(name: &str, nodes: usize, revocations: usize, found: &Findings) -> Outcome<RevocationRow> {
    if found.delays.is_empty() {
        return Err(failure(format!("{name}: no node used a token that was revoked: nothing was measured")));
    }
    Ok(RevocationRow {
        name: name.to_owned(),
        nodes,
        revocations,
        pairs: found.pairs,
        watched: found.delays.len(),
        uses: found.uses,
        delay: Quantiles::of(&found.delays),
        refused: Quantiles::of(&found.ends),
        slowest: Quantiles::of(&found.slowest),
        late: found.late,
    })
}

fn print(row: &RevocationRow) {
    let RevocationRow { name, nodes, revocations, watched, delay, refused, slowest, late, .. } = row;
    println!(
        "{name:<20} {nodes:>2} nodes {revocations:>4} revocations {watched:>5} pairs  p50 {:>7.0}  p99 {:>7.0}  max {:>7.0} µs  refused by p99 {:>7.0}  slowest node p99 {:>7.0} µs  late {late}",
        delay.p50_us, delay.p99_us, delay.max_us, refused.p99_us, slowest.p99_us
    );
}

impl Quantiles {
    /// The quantiles of nanoseconds in ascending order.
    fn of(sorted: &[u64]) -> Self {
        let at = |share: f64| {
            let rank = (sorted.len() as f64 * share).ceil() as usize;
            let nanos = sorted.get(rank.saturating_sub(1)).copied().unwrap_or(0);
            (nanos as f64 / 1000.0).round()
        };
        Self { p50_us: at(0.5), p90_us: at(0.9), p99_us: at(0.99), p999_us: at(0.999), max_us: at(1.0) }
    }
}
