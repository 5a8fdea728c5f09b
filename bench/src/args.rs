//! What can be asked of this program.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

use crate::contest::Rules;
use crate::revocation::RevocationArgs;

/// Measures validation beside others on this machine, and writes docs/performance.md.
#[derive(Debug, Parser)]
#[command(name = "token-bench", version)]
pub(crate) struct Cli {
    /// Where results, tables and plots are kept.
    #[arg(long, global = true, value_name = "DIR", default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs"))]
    pub(crate) docs: PathBuf,
    #[command(subcommand)]
    pub(crate) part: Part,
}

/// A part of the whole.
#[derive(Debug, Subcommand)]
pub(crate) enum Part {
    /// All parts one after the other, then the report.
    All,
    /// Validations per second, over one Redis that this program starts.
    Validate(ValidateArgs),
    /// What the embedded store does a second: validations, issues and revocations.
    Embedded(EmbeddedArgs),
    /// Latencies at fixed rates of arrival.
    Latency,
    /// Requests per second at /auth of `token-cli serve` and at a bare handler, asked by wrk.
    Auth,
    /// What a token takes of Redis' memory, and what others' sessions take.
    Memory,
    /// How throughput goes with the number of tokens in the store.
    Growth,
    /// How throughput goes with the number of nodes, and of primaries.
    Nodes,
    /// How soon nodes with a local cache refuse a revoked token, also when links and servers fail.
    Revocation(RevocationArgs),
    /// The steps of a validation that ask nobody.
    Micro,
    /// A node of `nodes`: reads tokens and orders from standard input.
    #[command(hide = true)]
    Node {
        /// The store.
        #[arg(long)]
        store: String,
        /// How many callers at once.
        #[arg(long)]
        callers: usize,
    },
    /// The bare handler of `auth`.
    #[command(hide = true)]
    Door {
        /// The server that it asks.
        #[arg(long)]
        redis: String,
        /// Where it answers, on loopback.
        #[arg(long)]
        port: u16,
    },
    /// The document and the plots, from the results that are there.
    Report,
}

/// How the contest of validations goes.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct ValidateArgs {
    /// 64 and 256 callers, few rounds, and only what runs over Redis: less than 40 seconds in all.
    #[arg(long)]
    pub(crate) quick: bool,
    /// Writes the rows to this file as well, as a list of {name, callers, per_second}. With it, the report's results stay.
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    /// How many rounds.
    #[arg(long)]
    pub(crate) rounds: Option<usize>,
    /// How long a lap is, in milliseconds.
    #[arg(long, value_name = "MS")]
    pub(crate) lap_ms: Option<u64>,
    /// How many callers at once, several separated by commas.
    #[arg(long, value_delimiter = ',')]
    pub(crate) callers: Vec<usize>,
    /// How many tokens of each kind there are.
    #[arg(long)]
    pub(crate) tokens: Option<usize>,
    /// Only contestants whose names begin like this, several separated by commas.
    #[arg(long, value_delimiter = ',')]
    pub(crate) only: Vec<String>,
    /// Keeps the rows for the report, although they were not measured in the usual way.
    #[arg(long, hide = true)]
    pub(crate) keep: bool,
}

/// How the embedded store is measured. With any of these, the report's results stay.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct EmbeddedArgs {
    /// How many rounds.
    #[arg(long)]
    pub(crate) rounds: Option<usize>,
    /// How long a lap is, in milliseconds.
    #[arg(long, value_name = "MS")]
    pub(crate) lap_ms: Option<u64>,
    /// How many tokens of each kind there are.
    #[arg(long)]
    pub(crate) tokens: Option<usize>,
    /// Keep the files in this folder, so that its disk is measured.
    #[arg(long, value_name = "DIR")]
    pub(crate) folder: Option<PathBuf>,
    /// Keeps the rows for the report, although they were not measured in the usual way.
    #[arg(long, hide = true)]
    pub(crate) keep: bool,
}

impl EmbeddedArgs {
    /// Whether something else than the usual is asked for, and not to be kept.
    pub(crate) fn is_special(&self) -> bool {
        let Self { rounds, lap_ms, tokens, folder, keep } = self;
        !keep && (rounds.is_some() || lap_ms.is_some() || tokens.is_some() || folder.is_some())
    }
}

impl ValidateArgs {
    /// The rules of the contest.
    pub(crate) fn rules(&self) -> Rules {
        let (callers, rounds, lap): (&[usize], _, _) =
            if self.quick { (&[64, 256], 5, 250) } else { (&[1, 16, 64, 256], 7, 300) };
        Rules {
            callers: if self.callers.is_empty() { callers.to_vec() } else { self.callers.clone() },
            rounds: self.rounds.unwrap_or(rounds),
            lap: Duration::from_millis(self.lap_ms.unwrap_or(lap)),
        }
    }
}
