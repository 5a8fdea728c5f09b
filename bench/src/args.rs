//! The command line of this program.

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
    /// Validations, issues and revocations per second of the embedded store.
    Embedded(EmbeddedArgs),
    /// Latencies at fixed rates of arrival.
    Latency,
    /// Requests per second at /auth of `token-cli serve` and at a bare handler, measured with wrk.
    Auth,
    /// The Redis memory of a token, and of the sessions of other libraries.
    Memory,
    /// Throughput by the number of tokens in the store.
    Growth,
    /// Throughput by the number of nodes, and of primaries.
    Nodes,
    /// How soon nodes with a local cache refuse a revoked token, also while links and servers fail.
    Revocation(RevocationArgs),
    /// The local steps of a validation.
    Micro,
    /// A node of `nodes`: reads tokens and commands from standard input.
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
        /// The Redis server that it uses.
        #[arg(long)]
        redis: String,
        /// Its port on loopback.
        #[arg(long)]
        port: u16,
    },
    /// The document and the plots, from the existing results.
    Report,
}

/// The options of `validate`.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct ValidateArgs {
    /// 64 and 256 callers, few rounds, and only subjects on Redis: less than 40 seconds in all.
    #[arg(long)]
    pub(crate) quick: bool,
    /// Also writes the rows to this file, as a list of {name, callers, per_second}. Does not replace the results of the report.
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
    /// Only subjects whose names begin with this, several separated by commas.
    #[arg(long, value_delimiter = ',')]
    pub(crate) only: Vec<String>,
    /// Keeps the rows for the report, although they were not measured in the usual way.
    #[arg(long, hide = true)]
    pub(crate) keep: bool,
}

/// The options of `embedded`. Any of these keeps the results of the report unchanged.
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
    /// Whether the options differ from the defaults, so that the results are not kept.
    pub(crate) fn is_special(&self) -> bool {
        let Self { rounds, lap_ms, tokens, folder, keep } = self;
        !keep && (rounds.is_some() || lap_ms.is_some() || tokens.is_some() || folder.is_some())
    }
}

impl ValidateArgs {
    /// The rules of the comparison.
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
