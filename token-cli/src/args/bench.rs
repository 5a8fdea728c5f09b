//! `bench`.

use clap::{Args, value_parser};
use token_core::Span;

/// Measure how long validations take on the store, under load.
///
/// Issues tokens to users of its own, validates them at a fixed rate or by so many callers, and tells the latencies.
/// Other tokens are not touched; but the load is real, and whoever else uses the store feels it. The embedded store is
/// measured on a file of its own in the same folder.
///
/// The tokens are revoked at the end, also after Ctrl-C, and leave nothing behind. If this process is killed, they expire
/// within 12 minutes and twice the time of --for. On Redis with ACLs this takes the role admin.
#[derive(Debug, Args)]
pub(crate) struct BenchArgs {
    /// How many validations are due each second, whether or not earlier ones have been answered: 1 to 1000000
    #[arg(long, value_name = "NUMBER", default_value = "1000", value_parser = value_parser!(u32).range(1..=1_000_000))]
    pub(crate) rate: u32,

    /// Instead of a rate, so many callers with one validation after the other: 1 to 10000. This tells the throughput
    #[arg(long, value_name = "NUMBER", conflicts_with = "rate", value_parser = value_parser!(u32).range(1..=10_000))]
    pub(crate) callers: Option<u32>,

    /// For how long, up to 1h
    #[arg(long = "for", value_name = "DURATION", default_value = "10s", value_parser = up_to_an_hour)]
    pub(crate) time: Span,

    /// How many tokens are validated, in turn: 1 to 1000000
    #[arg(long, value_name = "NUMBER", default_value = "1000", value_parser = value_parser!(u32).range(1..=1_000_000))]
    pub(crate) tokens: u32,

    /// How many users they are of: one for each 100 tokens at least [default: one for each 5 tokens]
    #[arg(long, value_name = "NUMBER", value_parser = value_parser!(u32).range(1..=1_000_000))]
    pub(crate) users: Option<u32>,

    /// How many of a hundred tokens slide (with a cap); the others have a hard limit
    #[arg(long, value_name = "PERCENT", default_value = "100", value_parser = value_parser!(u32).range(0..=100))]
    pub(crate) sliding: u32,
}

fn up_to_an_hour(text: &str) -> Result<Span, String> {
    let span = text.parse::<Span>().map_err(|error| error.to_string())?;
    match span.as_millis() {
        ..=3_600_000 => Ok(span),
        _ => Err("the longest is 1h".into()),
    }
}
