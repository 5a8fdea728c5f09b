//! What `serve` takes about connections.

use std::fmt;
use std::num::NonZeroUsize;
use std::str::FromStr;
use std::time::Duration;

use clap::Args;
use token_core::Span;

use super::lifetime::with_unit;
use super::numbers::whole;

/// How long connections may be silent, how much they may ask at once, and how they end.
#[derive(Debug, Args)]
#[command(next_help_heading = "Connections")]
pub(crate) struct Connections {
    /// How long a connection may wait for its next request
    #[arg(
        long,
        env = "TOKEN_IDLE_TIMEOUT",
        value_name = "DURATION",
        hide_env_values = true,
        default_value = "75s",
        value_parser = with_unit
    )]
    pub(crate) idle_timeout: Span,

    /// How large the URL and the header fields of a request may be, together
    #[arg(
        long,
        env = "TOKEN_MAX_HEADER_SIZE",
        value_name = "BYTES",
        hide_env_values = true,
        default_value = "16k"
    )]
    pub(crate) max_header_size: Bytes,

    /// How many header fields a request may have
    #[arg(
        long,
        env = "TOKEN_MAX_HEADERS",
        value_name = "NUMBER",
        hide_env_values = true,
        default_value = "100",
        value_parser = fields
    )]
    pub(crate) max_headers: NonZeroUsize,

    /// How long requests are still taken after SIGTERM, while /readyz answers 503
    ///
    /// Load balancers need this time to notice. In Kubernetes: a little more than periodSeconds × failureThreshold of the
    /// readiness probe, and at most terminationGracePeriodSeconds minus 15 s.
    #[arg(long, env = "TOKEN_DRAIN", value_name = "DURATION", hide_env_values = true, default_value = "0s")]
    pub(crate) drain: Drain,

    /// Exit at once if the store cannot be reached at start, instead of waiting for it
    #[arg(long, env = "TOKEN_FAIL_FAST", value_name = "true|false", hide_env_values = true, num_args = 0..=1, require_equals = true, default_value = "false", default_missing_value = "true", hide_possible_values = true, hide_default_value = true, value_parser = clap::builder::BoolishValueParser::new(), action = clap::ArgAction::Set)]
    pub(crate) fail_fast: bool,
}

fn fields(text: &str) -> Result<NonZeroUsize, String> {
    let number = whole::<1, 10_000>(text)?;
    usize::try_from(number).and_then(NonZeroUsize::try_from).map_err(|error| error.to_string())
}

/// A number of bytes, as `16384` or `16k`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bytes(pub(crate) usize);

impl FromStr for Bytes {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim().to_ascii_lowercase();
        let number = text.strip_suffix("kib").or(text.strip_suffix("kb")).or(text.strip_suffix('k'));
        let (number, unit) = number.map_or((text.as_str(), 1), |number| (number, 1024));
        let bytes = number.trim().parse::<usize>().ok().and_then(|number| number.checked_mul(unit));
        // Four times as much is the outer wall, and no request takes more than a megabyte of memory.
        let bytes = bytes.filter(|bytes| (1024..=256 * 1024).contains(bytes));
        bytes.map(Self).ok_or("write a number of bytes from 1k to 256k, like 16384 or 16k")
    }
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A length of time that may be none at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Drain(pub(crate) Duration);

impl FromStr for Drain {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.trim() {
            "0" => Err("the number needs a unit: write 0s".into()),
            "0s" => Ok(Self(Duration::ZERO)),
            text => with_unit(text).map(|span| Self(span.as_duration())),
        }
    }
}

impl fmt::Display for Drain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match Span::try_from(self.0) {
            Ok(span) => span.fmt(f),
            Err(_) => f.write_str("0s"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_times_are_read_as_people_write_them() {
        for (text, bytes) in
            [("16384", 16384), ("16k", 16384), ("16K", 16384), ("16 KiB", 16384), ("256kb", 262_144)]
        {
            assert_eq!(text.parse(), Ok(Bytes(bytes)), "{text}");
        }
        for text in ["", "0", "1023", "16m", "257k", "-1", "k", "99999999999999999999k"] {
            assert!(text.parse::<Bytes>().is_err(), "{text}");
        }
        for (text, shown) in [("0s", "0s"), ("10s", "10s"), ("1m", "1m")] {
            assert_eq!(text.parse::<Drain>().unwrap().to_string(), shown);
        }
        assert!("soon".parse::<Drain>().is_err());
    }

    #[test]
    fn a_time_needs_its_unit() {
        for (text, said) in [("0", "write 0s"), ("10", "write 10s for seconds, 10m for minutes")] {
            let refused = text.parse::<Drain>().unwrap_err();
            assert!(refused.contains(said), "{refused}");
        }
    }
}
