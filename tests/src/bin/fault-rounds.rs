//! Lets faults happen to real servers under load, keeps the histories, and has each judged.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program that people run")]

use std::hash::{BuildHasher, RandomState};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use token_core::ConfirmationLevel;
use token_tests::faults::{Fault, Judgement, Plan, Summary, run};

/// Lets faults happen to real servers under load, keeps the histories, and has each judged.
#[derive(Parser)]
struct Arguments {
    /// Only judge these histories
    #[arg(long, value_name = "FILE", num_args = 1.., exclusive = true)]
    judge: Vec<PathBuf>,

    /// The servers
    #[arg(long, value_enum, default_value_t = Topology::Cluster)]
    topology: Topology,
    /// What happens: kill, laggard, cut-off, hang, reshard, grow or flush-scripts
    #[arg(long, default_value = "kill", value_parser = fault)]
    fault: Fault,
    /// How far changes are to be confirmed: local or replicated
    #[arg(long, default_value = "replicated")]
    confirm: ConfirmationLevel,
    /// How often it happens
    #[arg(long, default_value_t = 1)]
    rounds: usize,
    /// All choices follow from it [default: a new one]
    #[arg(long)]
    seed: Option<u64>,
    /// Where the histories go
    #[arg(long, default_value = "target/histories")]
    histories: PathBuf,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Topology {
    Cluster,
    Sentinel,
}

fn fault(name: &str) -> Result<Fault, String> {
    let named = Fault::ALL.into_iter().find(|fault| fault.name() == name);
    named.ok_or_else(|| format!("write one of {}", Fault::ALL.map(Fault::name).join(", ")))
}

#[tokio::main]
async fn main() -> ExitCode {
    let Arguments { judge, topology, fault, confirm, rounds, seed, histories } = Arguments::parse();
    let mut summary = Summary::default();
    if !judge.is_empty() {
        let read = judge.iter().filter(|file| tell(file, &mut summary)).count();
        return end(&summary, read == judge.len());
    }
    if topology == Topology::Sentinel && matches!(fault, Fault::Reshard | Fault::Grow) {
        eprintln!("error: {} needs a cluster", fault.name());
        return ExitCode::from(2);
    }
    if let Err(error) = std::fs::create_dir_all(&histories) {
        eprintln!("error: cannot make {}: {error}", histories.display());
        return ExitCode::from(2);
    }
    let seed = seed.unwrap_or_else(|| RandomState::new().hash_one("seed") >> 32);
    let sentinel = topology == Topology::Sentinel;
    println!("seed {seed}");
    let plan = Plan { sentinel, fault, level: confirm, rounds, seed, histories };
    let mut read = true;
    run(&plan, |file| read &= tell(file, &mut summary)).await;
    end(&summary, read)
}

/// Prints what a history proves; answers whether it could be read.
fn tell(file: &Path, summary: &mut Summary) -> bool {
    match Judgement::of_file(file) {
        Ok(judgement) => {
            println!("{judgement}");
            judgement.violations.iter().take(5).for_each(|violation| println!("  {violation}"));
            summary.add(&judgement);
            true
        }
        Err(error) => {
            eprintln!("error: {error}");
            false
        }
    }
}

fn end(summary: &Summary, all_read: bool) -> ExitCode {
    println!("{summary}");
    if all_read && summary.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
