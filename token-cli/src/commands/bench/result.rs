//! What a run has shown, for people and for programs.

use std::time::Duration;

use serde::Serialize;
use token_load::Measured;

use super::ground::INACTIVE;
use crate::args::BenchArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::format::Format;
use crate::layout;
use crate::plural::count;
use crate::report::{Report, table};

/// A run that is over.
pub(super) struct Run<'a> {
    pub(super) arguments: &'a BenchArgs,
    pub(super) users: u32,
    pub(super) stopped: bool,
    pub(super) measured: &'a Measured,
}

impl Run<'_> {
    pub(super) fn report(&self, format: Format) -> Result<Report, Failure> {
        Report::new(format, self.exit(), &self.json(), || self.human())
    }

    /// A run without an answer ends with another code than a run that is refused.
    fn exit(&self) -> Exit {
        let Measured { errors, unfinished, .. } = self.measured;
        match errors.keys().any(|&word| word != INACTIVE) || *unfinished > 0 {
            true => Exit::Store,
            false if errors.is_empty() => Exit::Done,
            false => Exit::Negative,
        }
    }

    fn json(&self) -> impl Serialize {
        let BenchArgs { rate, callers, tokens, sliding, time, .. } = *self.arguments;
        Json {
            rate: callers.is_none().then_some(rate),
            callers,
            for_s: time.as_duration().as_secs_f64(),
            tokens,
            users: self.users,
            sliding_percent: sliding,
            stopped: self.stopped,
            per_second: self.measured.per_second(),
            measured: self.measured.clone(),
        }
    }

    fn human(&self) -> String {
        let BenchArgs { rate, callers, tokens, sliding, .. } = *self.arguments;
        let Measured { calls, elapsed, latency, .. } = self.measured;
        let asked = callers.map_or(format!("{rate}/s"), |callers| count(callers.into(), "caller"));
        let columns = layout::columns();
        let head = format!(
            "{} in {:.1} s{}, of {} of {}, {sliding} % of them sliding",
            count(*calls, "validation"),
            elapsed.as_secs_f64(),
            if self.stopped { " (stopped)" } else { "" },
            count(tokens.into(), "token"),
            count(self.users.into(), "user"),
        );
        let mut text = layout::hanging(columns, "", &head) + "\n";
        let row = [
            asked,
            format!("{:.1}/s", self.measured.per_second()),
            milliseconds(latency.quantile(0.5)),
            milliseconds(latency.quantile(0.9)),
            milliseconds(latency.quantile(0.99)),
            milliseconds(latency.quantile(0.999)),
            milliseconds(latency.max()),
        ];
        text += &table(["ASKED FOR", "ACHIEVED", "P50", "P90", "P99", "P99.9", "MAX"], [row]);
        text.push('\n');
        for (name, fact) in self.facts() {
            text += &layout::hanging(columns, &format!("{name:<12} "), &fact);
        }
        text
    }

    fn facts(&self) -> Vec<(&'static str, String)> {
        let Measured { errors, not_started, unfinished, late, .. } = self.measured;
        let kinds = errors.iter().map(|(word, count)| format!("{count} {word}")).collect::<Vec<_>>();
        let mut facts = vec![("failed", if kinds.is_empty() { "0".into() } else { kinds.join(", ") })];
        if *unfinished > 0 {
            facts.push(("unfinished", unfinished.to_string()));
        }
        if self.arguments.callers.is_none() {
            facts.push((
                "not started",
                match not_started {
                    0 => "0".into(),
                    _ => format!("{not_started}: too many were under way, so the latencies are too good"),
                },
            ));
            let (p50, p99) = (milliseconds(late.quantile(0.5)), milliseconds(late.quantile(0.99)));
            facts.push(("late", format!("{p50} (p99 {p99}) by this process, part of the latencies")));
        }
        facts
    }
}

#[derive(Serialize)]
struct Json {
    rate: Option<u32>,
    callers: Option<u32>,
    for_s: f64,
    tokens: u32,
    users: u32,
    sliding_percent: u32,
    stopped: bool,
    per_second: f64,
    #[serde(flatten)]
    measured: Measured,
}

fn milliseconds(duration: Duration) -> String {
    format!("{:.3} ms", duration.as_secs_f64() * 1e3)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;
    use token_load::Latencies;

    fn exit(errors: &[(&'static str, u64)], unfinished: u64) -> Exit {
        let measured = Measured {
            calls: 10,
            errors: errors.iter().copied().collect(),
            not_started: 1,
            unfinished,
            elapsed: Duration::from_secs(1),
            latency: Latencies::new(),
            late: Latencies::new(),
        };
        let cli = crate::args::Cli::parse_from(["token-cli", "bench"]);
        let crate::args::Command::Bench(arguments) = &cli.command else { panic!("{cli:?}") };
        Run { arguments, users: 1, stopped: false, measured: &measured }.exit()
    }

    #[test]
    fn no_answer_is_worse_than_a_refusal_and_that_worse_than_none() {
        assert_eq!(exit(&[], 0), Exit::Done);
        assert_eq!(exit(&[(INACTIVE, 1)], 0), Exit::Negative);
        assert_eq!(exit(&[("timed_out", 1)], 0), Exit::Store);
        assert_eq!(exit(&[(INACTIVE, 9), ("timed_out", 1)], 0), Exit::Store);
        assert_eq!(exit(&[], 1), Exit::Store);
    }
}
