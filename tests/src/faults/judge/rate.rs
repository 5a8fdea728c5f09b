//! The rate of answers, and when it is restored.

use crate::faults::history::{Answer, Call, Operation};

/// How many validations were answered and how many failed, in each tenth of a second.
pub(super) struct Rate {
    answered: Vec<u32>,
    failed: Vec<u32>,
}

impl Rate {
    const STEP: u64 = 100_000;
    /// A rate needs this many steps in a row, so that a burst of waiting calls is none.
    const STEADY: usize = 5;

    pub(super) fn of(calls: &[&Call], end: u64) -> Self {
        let mut rate = Self { answered: Vec::new(), failed: Vec::new() };
        for call in calls.iter().filter(|call| call.op == Operation::Validate && call.to < end) {
            let step = usize::try_from(call.to / Self::STEP).expect("a history is not that long");
            let of = if matches!(call.answer, Answer::Failed { .. }) {
                &mut rate.failed
            } else {
                &mut rate.answered
            };
            if of.len() <= step {
                of.resize(step + 1, 0);
            }
            of[step] += 1;
        }
        rate
    }

    /// The first time after the fault from which validations were answered for a while at four fifths or more of the rate before
    /// it, without a failure. If the fault had no effect, it is the time of the fault.
    pub(super) fn restored_after(&self, fault: u64) -> Option<u64> {
        let fault_step = usize::try_from(fault / Self::STEP).ok()?;
        let mut before: Vec<u32> = self.answered.get(1..fault_step)?.to_vec();
        before.sort_unstable();
        let full = before.get(before.len() / 2)? * 4 / 5;
        let fine = |step: usize| {
            self.failed.get(step).is_none_or(|&failed| failed == 0)
                && self.answered.get(step).is_some_and(|&answered| answered >= full)
        };
        let steps = self.answered.len();
        let last_trouble = (fault_step..steps.saturating_sub(1))
            .rev()
            .find(|&step| self.failed.get(step).is_some_and(|&failed| failed > 0));
        let mut from = last_trouble.map_or(fault_step, |step| step + 1);
        while from + Self::STEADY <= steps {
            match (from..from + Self::STEADY).rev().find(|&step| !fine(step)) {
                None => return Some(fault.max(from as u64 * Self::STEP)),
                Some(trouble) => from = trouble + 1,
            }
        }
        None
    }
}
