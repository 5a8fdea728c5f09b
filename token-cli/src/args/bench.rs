//! `bench`.

use clap::Args;
use token_core::Span;

use super::numbers::whole;

/// Measure how long validations take on the store, under load.
///
/// Issues tokens to users of its own, validates them at a fixed rate or with a fixed number of callers, and reports the
/// latencies. Other tokens are not touched, but the load is real: everything else that uses the store feels it. The
/// embedded store is measured on a separate file in the same folder.
///
/// The tokens are revoked at the end, also after Ctrl-C, and leave nothing behind. If this process is killed, they expire
/// within 12 minutes plus twice the time of --for. On Redis with ACLs this needs the role admin.
#[derive(Debug, Args)]
pub(crate) struct BenchArgs {
    /// How many validations to start each second, whether or not earlier ones have been answered: 1 to 1000000
    #[arg(long, value_name = "NUMBER", default_value = "1000", value_parser = whole::<1, 1_000_000>)]
    pub(crate) rate: u32,

    /// Measure the throughput instead, with this many callers and one validation at a time for each: 1 to 10000
    #[arg(long, value_name = "NUMBER", conflicts_with = "rate", value_parser = whole::<1, 10_000>)]
    pub(crate) callers: Option<u32>,

    /// How long to measure, up to 1h
    #[arg(long = "for", value_name = "DURATION", default_value = "10s", value_parser = up_to_an_hour)]
    pub(crate) time: Span,

    /// How many tokens are validated, in turn: 1 to 1000000
    #[arg(long, value_name = "NUMBER", default_value = "1000", value_parser = whole::<1, 1_000_000>)]
    pub(crate) tokens: u32,

    /// How many users own these tokens: at least one for each 100 tokens [default: one for each 5 tokens]
    #[arg(long, value_name = "NUMBER", value_parser = whole::<1, 1_000_000>)]
    pub(crate) users: Option<u32>,

    /// The percentage of tokens that slide (with a cap), 0 to 100; the others have a hard limit
    #[arg(long, value_name = "PERCENT", default_value = "100", value_parser = whole::<0, 100>)]
    pub(crate) sliding: u32,
}

fn up_to_an_hour(text: &str) -> Result<Span, String> {
    let span = super::lifetime::with_unit(text)?;
    match span.as_millis() {
        ..=3_600_000 => Ok(span),
        _ => Err("the longest is 1h".into()),
    }
}
