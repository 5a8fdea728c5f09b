//! Judges a history, by the history alone.

mod life;
mod rate;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::time::Duration;
use std::{fmt, io};

use self::life::Life;
use self::rate::Rate;
use super::history::{self, Answer, Call, Happening, Head, Line, Mark, Operation};

/// How much later than its deadline a call may return, because its caller may have to wait for the processor.
const GRACE: u64 = 500_000;

/// A broken promise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Violation {
    /// A token was valid after the acknowledgement of a revocation that the fault must not undo.
    RevokedCounts(Call),
    /// A token was not valid although its issue could not be undone and nobody had started to revoke it.
    ValidRefused(Call),
    /// A revocation did not find a token whose issue could not be undone and that nobody else had started to revoke.
    ValidNotFound(Call),
    /// A confirmed revocation was never checked after the round: it proves nothing.
    NotLookedAt(String),
    /// A call failed although the fault must not make calls fail.
    Failed(Call),
    /// A call failed with an error that says that a retry cannot help.
    FailedForGood(Call),
    /// A call returned later than its deadline.
    Overdue(Call),
}

/// The judgement of a history.
#[derive(Debug, Clone, Default)]
pub struct Judgement {
    /// The description of the round.
    pub head: Option<Head>,
    /// The broken promises.
    pub violations: Vec<Violation>,
    /// How many validations were answered.
    pub validations: usize,
    /// How many revocations were confirmed by replicas.
    pub confirmed: usize,
    /// How many revocations were acknowledged without that.
    pub unconfirmed: usize,
    /// How many of the unconfirmed ones were undone: their tokens were valid again.
    pub lost: usize,
    /// How many calls failed, by error code.
    pub failures: HashMap<String, usize>,
    /// The longest call.
    pub longest: Duration,
    /// The time from the fault until the servers had recovered.
    pub outage: Option<Duration>,
    /// The time from then until validations had their full rate again; zero if they had it before.
    pub catching_up: Option<Duration>,
}

impl Judgement {
    /// Judges the history in a file.
    ///
    /// # Errors
    /// The file contains no history.
    pub fn of_file(path: &Path) -> io::Result<Self> {
        Ok(Self::of(&history::read(path)?))
    }

    /// Judges a history.
    #[must_use]
    pub fn of(history: &[Line]) -> Self {
        let mut judgement = Self::default();
        let Some(Line::Head(head)) = history.first() else { return judgement };
        let calls: Vec<&Call> = history
            .iter()
            .filter_map(|line| if let Line::Call(call) = line { Some(call) } else { None })
            .collect();
        let marks: Vec<&Mark> = history
            .iter()
            .filter_map(|line| if let Line::Mark(mark) = line { Some(mark) } else { None })
            .collect();

        judgement.head = Some(head.clone());
        judgement.count(&calls);
        judgement.judge_ends(head, &calls);
        judgement.judge_verdicts(head, &calls);
        judgement.judge_last_look(&calls, &marks);
        judgement.measure_recovery(&calls, &marks);
        judgement
    }

    fn count(&mut self, calls: &[&Call]) {
        for call in calls {
            match (&call.op, &call.answer) {
                (_, Answer::Failed { why, .. }) => *self.failures.entry(why.clone()).or_default() += 1,
                (Operation::Validate, _) => self.validations += 1,
                (Operation::Revoke, Answer::Confirmed) => self.confirmed += 1,
                (Operation::Revoke, Answer::Done) => self.unconfirmed += 1,
                (Operation::Revoke, _) => {}
                (Operation::Issue, _) => {}
            }
        }
    }

    /// Errors are permitted and retryable, and calls end in time.
    fn judge_ends(&mut self, head: &Head, calls: &[&Call]) {
        for &call in calls {
            let lasted = call.to - call.from;
            self.longest = self.longest.max(Duration::from_micros(lasted));
            let deadline = match call.op {
                Operation::Validate => head.validate_deadline,
                Operation::Issue | Operation::Revoke => head.deadline,
            };
            if lasted > deadline + GRACE {
                self.violations.push(Violation::Overdue(call.clone()));
            }
            match call.answer {
                Answer::Failed { for_good: true, .. } => {
                    self.violations.push(Violation::FailedForGood(call.clone()));
                }
                Answer::Failed { .. } if !head.may_fail => {
                    self.violations.push(Violation::Failed(call.clone()))
                }
                _ => {}
            }
        }
    }

    /// "Active" and "inactive" are the correct answers.
    fn judge_verdicts(&mut self, head: &Head, calls: &[&Call]) {
        let lives = Life::of_each(head, calls);
        let mut lost = HashSet::new();
        for &call in calls.iter().filter(|call| call.op == Operation::Validate) {
            let life = lives.get(call.token.as_str()).copied().unwrap_or_default();
            match call.answer {
                Answer::Active if life.ended_for_good.is_some_and(|end| end < call.from) => {
                    self.violations.push(Violation::RevokedCounts(call.clone()));
                }
                Answer::Active if life.ended.is_some_and(|end| end < call.from) => {
                    lost.insert(call.token.as_str());
                }
                Answer::Inactive if life.must_count_until(call) => {
                    self.violations.push(Violation::ValidRefused(call.clone()));
                }
                _ => {}
            }
        }
        self.lost = lost.len();
        for &call in calls.iter().filter(|call| call.answer == Answer::Unknown) {
            let life = lives.get(call.token.as_str()).copied().unwrap_or_default();
            let first = life.doomed == Some(call.from);
            if first && life.began_for_good.is_some_and(|began| began < call.from) {
                self.violations.push(Violation::ValidNotFound(call.clone()));
            }
        }
    }

    /// Every confirmed revocation must be seen to have lasted.
    fn judge_last_look(&mut self, calls: &[&Call], marks: &[&Mark]) {
        let last_look =
            marks.iter().find(|mark| mark.what == Happening::LastLook).map_or(u64::MAX, |mark| mark.at);
        let confirmed =
            calls.iter().filter(|call| call.op == Operation::Revoke && call.answer == Answer::Confirmed);
        let answered = |call: &&&Call| {
            let verdict = matches!(call.answer, Answer::Active | Answer::Inactive);
            call.op == Operation::Validate && verdict && call.from >= last_look
        };
        let looked_at: HashSet<&str> =
            calls.iter().filter(answered).map(|call| call.token.as_str()).collect();
        let unseen: HashSet<&str> =
            confirmed.map(|call| call.token.as_str()).filter(|token| !looked_at.contains(token)).collect();
        self.violations.extend(unseen.into_iter().map(|token| Violation::NotLookedAt(token.to_owned())));
    }

    fn measure_recovery(&mut self, calls: &[&Call], marks: &[&Mark]) {
        let at = |what| marks.iter().find(|mark| mark.what == what).map(|mark| mark.at);
        let (Some(fault), Some(well)) = (at(Happening::Fault), at(Happening::Well)) else { return };
        self.outage = Some(Duration::from_micros(well - fault));
        let end = at(Happening::LastLook).unwrap_or(u64::MAX);
        let restored = Rate::of(calls, end).restored_after(fault);
        self.catching_up = restored.map(|restored| Duration::from_micros(restored.saturating_sub(well)));
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, call) = match self {
            Self::NotLookedAt(token) => {
                return write!(f, "the history does not show whether the revocation of {token} lasted");
            }
            Self::ValidNotFound(call) => ("a revocation did not find a live token", call),
            Self::RevokedCounts(call) => ("a revoked token counts", call),
            Self::ValidRefused(call) => ("a valid token does not count", call),
            Self::Failed(call) => ("a call failed", call),
            Self::FailedForGood(call) => ("a call failed as if for good", call),
            Self::Overdue(call) => ("a call outlived its deadline", call),
        };
        write!(f, "{what}: {call:?}")
    }
}

/// One line.
impl fmt::Display for Judgement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(head) = &self.head else { return write!(f, "no history") };
        let Head { topology, fault, level, seed, round, .. } = head;
        let failed: usize = self.failures.values().sum();
        write!(
            f,
            "{topology} {fault} {level} seed {seed} round {round}: {} validations, revoked {} confirmed + {} \
             unconfirmed, {} of these lost, {failed} failed calls {:?}, longest {:.0?}",
            self.validations, self.confirmed, self.unconfirmed, self.lost, self.failures, self.longest
        )?;
        if let Some(outage) = self.outage {
            write!(f, "; servers well after {outage:.1?}")?;
            match self.catching_up {
                Some(time) => write!(f, ", full rate {time:.1?} later")?,
                None => write!(f, ", full rate never")?,
            }
        }
        write!(f, "; {} violations", self.violations.len())
    }
}
