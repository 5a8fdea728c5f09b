//! Rounds: a calm second, a fault under load, a repair, and a last check of every token.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use token_core::ConfirmationLevel;

use super::history::{Happening, Head, Recorder};
use super::load::{Fleet, Load};
use super::stage::{Fault, Stage};
use crate::servers::{Cluster, Sentinel};

/// How long the load runs before the fault, and after it.
const CALM: Duration = Duration::from_secs(1);
const AFTER: Duration = Duration::from_secs(2);

/// The plan of a run.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Use Sentinels instead of a cluster.
    pub sentinel: bool,
    /// The fault.
    pub fault: Fault,
    /// The requested level of confirmation.
    pub level: ConfirmationLevel,
    /// The number of rounds.
    pub rounds: usize,
    /// The seed of all random choices.
    pub seed: u64,
    /// The folder of the histories.
    pub histories: PathBuf,
}

/// Runs all rounds on the same servers and the same nodes, and calls `each` with the path of each history.
///
/// # Panics
/// The servers do not work as required, or a history cannot be written.
pub async fn run(plan: &Plan, mut each: impl FnMut(&Path)) {
    let mut stage = if plan.sentinel {
        Stage::Sentinel(Sentinel::start_behind_proxies().await)
    } else {
        Stage::Cluster(Cluster::start_behind_proxies().await)
    };
    stage.spread();
    let fleet = Fleet::connect(&stage.url(), plan.level).await;
    let mut rng = ChaCha20Rng::seed_from_u64(plan.seed);
    for round in 1..=plan.rounds {
        let file = plan.file(round);
        play(&mut stage, &fleet, plan, round, &file, &mut rng).await;
        each(&file);
    }
}

async fn play(
    stage: &mut Stage,
    fleet: &Fleet,
    plan: &Plan,
    round: usize,
    file: &Path,
    rng: &mut ChaCha20Rng,
) {
    let recorder = Recorder::begin(file, plan.head(round, fleet)).expect("a place for the history");
    let recorder = Arc::new(recorder);
    let mut load = Load::begin(fleet, recorder.clone(), rng.next_u64());
    tokio::time::sleep(CALM).await;
    stage.strike(plan.fault, &recorder, &load, rng).await;
    tokio::time::sleep(AFTER).await;
    stage.repair().await;
    recorder.mark(Happening::Repaired);
    tokio::time::sleep(CALM).await;
    load.stop().await;
    recorder.mark(Happening::LastLook);
    load.last_look().await;
    drop(load);
    let recorder = Arc::into_inner(recorder).expect("all callers have ended");
    recorder.end().expect("room for the history");
}

impl Plan {
    fn topology(&self) -> &'static str {
        if self.sentinel { "sentinel" } else { "cluster" }
    }

    fn file(&self, round: usize) -> PathBuf {
        let name = format!("{}-{}-{}-{round:03}.jsonl", self.topology(), self.fault.name(), self.level);
        self.histories.join(name)
    }

    fn head(&self, round: usize, fleet: &Fleet) -> Head {
        let micros = |time: Duration| u64::try_from(time.as_micros()).expect("deadlines are short");
        Head {
            topology: self.topology().into(),
            fault: self.fault.name().into(),
            level: self.level.to_string(),
            seed: self.seed,
            round,
            may_lose: self.fault.may_lose(),
            may_fail: self.fault.may_fail(),
            validate_deadline: micros(fleet.options.validate_deadline),
            deadline: micros(fleet.options.deadline),
        }
    }
}
