//! `latency`: the latency of validations that start at a fixed rate, like those of many independent clients.
//!
//! An open loop: latency counts from when a call was due, so that a stall shows in every call that was due meanwhile.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use token_core::{KeyRing, Requirement};
use token_load::{Measured, Monitor, Open, open};

use crate::arena::{Arena, issue, sliding, write_bare};
use crate::contest::Contestant;
use crate::contestants::deadpool;
use crate::contestants::floor::{Evalsha, load_script};
use crate::contestants::ours::Ours;
use crate::outcome::{Outcome, failure};
use crate::results::Docs;
use crate::spread::Spread;

const TOKENS: usize = 10_000;
const RATES: [u32; 6] = [1_000, 5_000, 10_000, 20_000, 40_000, 60_000];
const ROUNDS: usize = 5;
const LAP: Duration = Duration::from_secs(1);

/// A subject at a rate.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct LatencyRow {
    pub(crate) name: String,
    /// Calls due per second.
    pub(crate) per_second: u32,
    pub(crate) p50_us: Spread,
    pub(crate) p99_us: Spread,
    pub(crate) p999_us: Spread,
    /// The share of calls that were not started because too many were under way: the subject cannot keep up.
    pub(crate) not_started: f64,
}

/// Measures, prints and saves the results.
pub(crate) async fn run(docs: &Docs) -> Outcome<()> {
    let arena = Arena::open(TOKENS).await;
    let mut connection = arena.multiplexed().await?;
    let script = load_script(&mut connection).await?.into();
    let keys = write_bare(&mut connection, "flr", TOKENS).await?;
    let floor = Arc::new(Evalsha { connection, script, keys });
    let tokens = arena.store(KeyRing::public()).await?;
    let texts = issue(&tokens, sliding()?, TOKENS).await?;
    let ours = Arc::new(Ours { tokens, texts, requirement: Requirement::any() });
    let pooled = Arc::new(deadpool::contestant(&arena).await?);

    let mut rows = Vec::new();
    for rate in RATES {
        let rate = NonZeroU32::new(rate).ok_or_else(|| failure("a rate of zero"))?;
        let mut laps = [const { Vec::new() }; 3];
        for round in 0..ROUNDS {
            for turn in 0..laps.len() {
                let who = (turn + round) % laps.len();
                let lap = match who {
                    0 => due(rate, &floor).await?,
                    1 => due(rate, &ours).await?,
                    _ => due(rate, &pooled).await?,
                };
                laps.iter_mut().skip(who).take(1).for_each(|laps| laps.push(lap.clone()));
            }
        }
        for (name, laps) in ["floor/evalsha", "ours/sliding", "peer/deadpool-per-call"].iter().zip(&laps) {
            let row = row(name, rate, laps);
            println!(
                "{:<24}{:>7}/s  p50 {:>8.0}  p99 {:>8.0}  p99.9 {:>8.0} µs  not started {:.1} %",
                row.name,
                row.per_second,
                row.p50_us.median,
                row.p99_us.median,
                row.p999_us.median,
                row.not_started * 100.0
            );
            rows.push(row);
        }
    }
    docs.keep("latency", rows)
}

/// Runs a lap at this rate.
async fn due(rate: NonZeroU32, contestant: &Arc<impl Contestant>) -> Outcome<Measured> {
    let contestant = contestant.clone();
    let job = move |number: u64| {
        let contestant = contestant.clone();
        async move { contestant.validate(number as usize).await.map_err(|_| "failed") }
    };
    let mut plan = Open::new(rate, LAP);
    // A subject that cannot keep up builds a queue; this bounds it.
    plan.at_once = std::num::NonZeroUsize::new(20_000).unwrap_or(plan.at_once);
    let measured = open(&plan, &Monitor::default(), job).await;
    if measured.failed() > 0 && measured.not_started == 0 {
        return Err(failure(format!("{} calls failed at {rate} a second", measured.failed())));
    }
    Ok(measured)
}

fn row(name: &str, rate: NonZeroU32, laps: &[Measured]) -> LatencyRow {
    let at = |share: f64| Spread::of(laps.iter().map(|lap| lap.latency.quantile(share).as_secs_f64() * 1e6));
    let lost: u64 = laps.iter().map(|lap| lap.not_started + lap.unfinished).sum();
    let done: u64 = laps.iter().map(|lap| lap.calls).sum();
    LatencyRow {
        name: name.to_owned(),
        per_second: rate.get(),
        p50_us: at(0.5),
        p99_us: at(0.99),
        p999_us: at(0.999),
        not_started: lost as f64 / (lost + done).max(1) as f64,
    }
}
