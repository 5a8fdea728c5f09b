//! Measures subjects in turns.
//!
//! The speed of a machine changes from one second to the next: other programs run, and it heats up. So no subject is measured
//! in one piece. There are several short rounds; in each of them every subject has one lap, each round starts with another
//! subject, and the result is the median of a subject's laps.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

use crate::outcome::{Outcome, failure};
use crate::spread::Spread;
use crate::usage::{Meter, Used};

/// A subject that validates tokens.
pub(crate) trait Contestant: Send + Sync + 'static {
    /// How many tokens one call validates.
    const EACH: u64 = 1;

    /// Validates the token with this number; any number is valid.
    ///
    /// # Errors
    /// The answer was not "yes": the measurement is meaningless, and the program ends.
    fn validate(&self, number: usize) -> impl Future<Output = Outcome<()>> + Send;
}

/// A subject, with its name and description.
pub(crate) struct Entry {
    /// The name of its row.
    pub(crate) name: &'static str,
    /// The work of each call, and the configuration.
    pub(crate) about: String,
    racer: Arc<dyn Racer>,
    /// Whether it runs in this process.
    within: bool,
}

impl Entry {
    /// An entry for a subject.
    pub(crate) fn new(name: &'static str, about: impl Into<String>, contestant: impl Contestant) -> Self {
        Self { name, about: about.into(), racer: Arc::new(Closed(Arc::new(contestant))), within: true }
    }

    /// An entry for a program that runs laps itself.
    pub(crate) fn program(name: &'static str, about: impl Into<String>, racer: impl Racer + 'static) -> Self {
        Self { name, about: about.into(), racer: Arc::new(racer), within: false }
    }

    /// One lap.
    pub(crate) async fn lap(&self, callers: usize, time: Duration) -> Outcome<Lap> {
        self.racer.lap(callers, time).await.map_err(|error| failure(format!("{}: {error}", self.name)))
    }
}

/// A subject or program that can run a lap.
pub(crate) trait Racer: Send + Sync {
    /// Runs this many callers, each with one call after the other, for about this time.
    fn lap(&self, callers: usize, time: Duration) -> BoxFuture<'_, Outcome<Lap>>;
}

/// The result of a lap. Each validated token counts as a call.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lap {
    pub(crate) calls: u64,
    pub(crate) elapsed: Duration,
}

impl Lap {
    pub(crate) fn per_second(self) -> f64 {
        self.calls as f64 / self.elapsed.as_secs_f64()
    }
}

/// A closed loop. Callers have separate counters and do not time single calls, so that the overhead is negligible even for a
/// call of a hundred nanoseconds.
struct Closed<C>(Arc<C>);

/// The distance between the first tokens of neighbouring callers.
const APART: usize = 7919;

impl<C: Contestant> Racer for Closed<C> {
    fn lap(&self, callers: usize, time: Duration) -> BoxFuture<'_, Outcome<Lap>> {
        Box::pin(async move {
            let over = Arc::new(AtomicBool::new(false));
            let mut running = JoinSet::new();
            let start = Instant::now();
            for caller in 0..callers {
                let (contestant, over) = (self.0.clone(), over.clone());
                running.spawn(async move {
                    let first = caller * APART;
                    let mut calls = 0;
                    while !over.load(Ordering::Relaxed) {
                        contestant.validate(first + calls).await?;
                        calls += 1;
                        tokio::task::consume_budget().await;
                    }
                    Outcome::Ok(calls as u64)
                });
            }
            tokio::time::sleep(time).await;
            over.store(true, Ordering::Relaxed);
            let mut calls = 0;
            while let Some(ended) = running.join_next().await {
                calls += ended??;
            }
            Ok(Lap { calls: calls * C::EACH, elapsed: start.elapsed() })
        })
    }
}

/// The rules of a comparison.
#[derive(Debug, Clone)]
pub(crate) struct Rules {
    /// How many callers at once, one series after the other.
    pub(crate) callers: Vec<usize>,
    /// How many rounds in each series.
    pub(crate) rounds: usize,
    /// How long a lap takes.
    pub(crate) lap: Duration,
}

/// The results of a subject with this number of callers.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) callers: usize,
    pub(crate) per_second: Spread,
    /// Calls per second in each round. The laps of one round follow each other directly.
    pub(crate) laps: Vec<f64>,
    /// Processor time of this process for each call, in microseconds; unknown for other processes.
    pub(crate) client_us: Option<f64>,
    /// Processor time of the Redis server for each call, in microseconds, including sockets; 0 without a server.
    pub(crate) server_us: f64,
    /// The part of it for executing commands, from `INFO commandstats`, for each call, in microseconds.
    pub(crate) commands_us: f64,
}

impl Row {
    /// The speed relative to another subject: the median of the ratios of the rounds. An event that slows the machine down for a
    /// second affects both, so this is steadier than the ratio of the medians.
    pub(crate) fn times(&self, other: &Self) -> f64 {
        Spread::of(self.laps.iter().zip(&other.laps).map(|(own, other)| own / other.max(1.0))).median
    }
}

/// The processor time used so far, including that of the server, if there is one.
async fn used(meter: Option<&Meter<'_>>) -> Outcome<Used> {
    match meter {
        Some(meter) => meter.read().await,
        None => Ok(Used::own()),
    }
}

/// Runs all subjects in turns.
pub(crate) async fn hold(rules: &Rules, entries: &[Entry], meter: Option<&Meter<'_>>) -> Outcome<Vec<Row>> {
    let mut rows = Vec::new();
    for &callers in &rules.callers {
        // Warm up connections, scripts and memory before the measurement.
        for entry in entries {
            entry.lap(callers, rules.lap / 4).await?;
        }
        let mut laps = vec![Vec::new(); entries.len()];
        for round in 0..rules.rounds {
            for turn in 0..entries.len() {
                let who = (turn + round) % entries.len();
                if let (Some(entry), Some(laps)) = (entries.get(who), laps.get_mut(who)) {
                    let before = used(meter).await?;
                    let lap = entry.lap(callers, rules.lap).await?;
                    laps.push((lap, used(meter).await?.since(&before)));
                }
            }
        }
        for (entry, laps) in entries.iter().zip(laps) {
            let each = |what: fn(&Used) -> f64| {
                Spread::of(laps.iter().map(|(lap, used)| what(used) / lap.calls.max(1) as f64)).median
            };
            rows.push(Row {
                name: entry.name.to_owned(),
                callers,
                per_second: Spread::of(laps.iter().map(|(lap, _)| lap.per_second())),
                laps: laps.iter().map(|(lap, _)| lap.per_second().round()).collect(),
                client_us: entry.within.then(|| each(|used| used.client_us)),
                server_us: each(|used| used.server_us),
                commands_us: each(Used::commands_us),
            });
        }
    }
    Ok(rows)
}
