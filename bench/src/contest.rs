//! Contestants take turns.
//!
//! The machine is not the same from one second to the next: others run on it, it grows warm. So nobody is measured in one
//! go. There are several short rounds; in each of them every contestant has one lap, each round begins with another one, and
//! what counts is the median of a contestant's laps.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

use crate::outcome::{Outcome, failure};
use crate::spread::Spread;
use crate::usage::{Meter, Used};

/// Something that validates.
pub(crate) trait Contestant: Send + Sync + 'static {
    /// How many tokens one call validates.
    const EACH: u64 = 1;

    /// Validates one of the tokens, by its number; any number will do.
    ///
    /// # Errors
    /// The answer was not "yes": then this is no measurement, and the program ends.
    fn validate(&self, number: usize) -> impl Future<Output = Outcome<()>> + Send;
}

/// A contestant, with its name and what else a reader must know.
pub(crate) struct Entry {
    /// The name of its row.
    pub(crate) name: &'static str,
    /// What it does at each call, and how it is configured.
    pub(crate) about: String,
    racer: Arc<dyn Racer>,
    /// Whether it runs in this process.
    within: bool,
}

impl Entry {
    /// Enters a contestant.
    pub(crate) fn new(name: &'static str, about: impl Into<String>, contestant: impl Contestant) -> Self {
        Self { name, about: about.into(), racer: Arc::new(Closed(Arc::new(contestant))), within: true }
    }

    /// Enters a program that does laps by itself.
    pub(crate) fn program(name: &'static str, about: impl Into<String>, racer: impl Racer + 'static) -> Self {
        Self { name, about: about.into(), racer: Arc::new(racer), within: false }
    }

    /// One lap.
    pub(crate) async fn lap(&self, callers: usize, time: Duration) -> Outcome<Lap> {
        self.racer.lap(callers, time).await.map_err(|error| failure(format!("{}: {error}", self.name)))
    }
}

/// What can do a lap.
pub(crate) trait Racer: Send + Sync {
    /// So many callers, each with one call after the other, for about so long.
    fn lap(&self, callers: usize, time: Duration) -> BoxFuture<'_, Outcome<Lap>>;
}

/// What was done in a lap: a call for each token.
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

/// A closed loop. Callers count for themselves and take no time of single calls, so that it costs next to nothing beside a
/// call of a hundred nanoseconds.
struct Closed<C>(Arc<C>);

/// Neighbouring callers begin this far apart in the tokens.
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

/// How a contest goes.
#[derive(Debug, Clone)]
pub(crate) struct Rules {
    /// How many callers at once, one series after the other.
    pub(crate) callers: Vec<usize>,
    /// How many rounds in each series.
    pub(crate) rounds: usize,
    /// How long a lap takes.
    pub(crate) lap: Duration,
}

/// What a contestant has reached with so many callers.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) callers: usize,
    pub(crate) per_second: Spread,
    /// Calls per second in each round: of all contestants, those of one round were made in the same seconds.
    pub(crate) laps: Vec<f64>,
    /// Processor time of this process for each call, in microseconds; of other processes it is not known.
    pub(crate) client_us: Option<f64>,
    /// Processor time of the Redis server for each call, in microseconds, sockets included; 0 without a server.
    pub(crate) server_us: f64,
    /// What `INFO commandstats` counts of it: executing commands, for each call, in microseconds.
    pub(crate) commands_us: f64,
}

impl Row {
    /// How many times as fast as another one: the median of the rounds. What slows the machine down for a second slows both
    /// down, so it is steadier than the ratio of the medians.
    pub(crate) fn times(&self, other: &Self) -> f64 {
        Spread::of(self.laps.iter().zip(&other.laps).map(|(own, other)| own / other.max(1.0))).median
    }
}

/// What was used so far, by the server, too, if there is one.
async fn used(meter: Option<&Meter<'_>>) -> Outcome<Used> {
    match meter {
        Some(meter) => meter.read().await,
        None => Ok(Used::own()),
    }
}

/// Lets all contestants run, in turns.
pub(crate) async fn hold(rules: &Rules, entries: &[Entry], meter: Option<&Meter<'_>>) -> Outcome<Vec<Row>> {
    let mut rows = Vec::new();
    for &callers in &rules.callers {
        // Connections, scripts and pages of memory are there before anything counts.
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
