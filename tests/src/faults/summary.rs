//! The summary of many rounds.

use std::fmt;
use std::time::Duration;

use super::judge::Judgement;

/// The sum of several judgements.
#[derive(Debug, Clone, Default)]
pub struct Summary {
    rounds: usize,
    violations: usize,
    validations: usize,
    confirmed: usize,
    unconfirmed: usize,
    lost: usize,
    failed: usize,
    longest: Duration,
    outages: Vec<Duration>,
    catching_up: Vec<Duration>,
    never_caught_up: usize,
}

impl Summary {
    /// Adds a round.
    pub fn add(&mut self, judgement: &Judgement) {
        self.rounds += 1;
        self.violations += judgement.violations.len();
        self.validations += judgement.validations;
        self.confirmed += judgement.confirmed;
        self.unconfirmed += judgement.unconfirmed;
        self.lost += judgement.lost;
        self.failed += judgement.failures.values().sum::<usize>();
        self.longest = self.longest.max(judgement.longest);
        self.outages.extend(judgement.outage);
        match judgement.catching_up {
            Some(time) => self.catching_up.push(time),
            None => self.never_caught_up += 1,
        }
    }

    /// Whether there were rounds, and every promise was kept.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.rounds > 0
            && self.validations > 0
            && self.confirmed + self.unconfirmed > 0
            && self.violations == 0
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rounds, violations, validations, confirmed, unconfirmed, lost, failed, .. } = self;
        writeln!(f, "in {rounds} rounds:")?;
        writeln!(
            f,
            "  {validations} validations answered, {failed} calls failed, longest {:.1?}",
            self.longest
        )?;
        writeln!(f, "  {confirmed} revocations confirmed by replicas")?;
        writeln!(f, "  {unconfirmed} acknowledged without that, {lost} of these lost")?;
        writeln!(f, "  servers well again after {}", Spread(&self.outages))?;
        writeln!(f, "  validations at full rate after that in {}", Spread(&self.catching_up))?;
        if self.never_caught_up > 0 {
            writeln!(f, "  not at full rate again before the end: {} rounds", self.never_caught_up)?;
        }
        write!(f, "  {violations} violations")
    }
}

/// The median and the maximum of some times.
struct Spread<'a>(&'a [Duration]);

impl fmt::Display for Spread<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut times = self.0.to_vec();
        times.sort_unstable();
        match (times.get(times.len() / 2), times.last()) {
            (Some(median), Some(longest)) => write!(f, "{median:.1?} (median), {longest:.1?} (longest)"),
            _ => write!(f, "no time: nothing was measured"),
        }
    }
}
