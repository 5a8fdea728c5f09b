//! What a history proves. The judge knows nothing but the history.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::time::Duration;
use std::{fmt, io};

use super::history::{self, Answer, Call, Happening, Head, Line, Mark, Operation};

/// How much later than its deadline a call may come to its caller, who may have to wait for the processor.
const GRACE: u64 = 500_000;

/// A promise that was not kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Violation {
    /// A token counted after its revocation was acknowledged, which nothing that happened may undo.
    RevokedCounts(Call),
    /// A token did not count though it was issued for good and nobody had begun to revoke it.
    ValidRefused(Call),
    /// A revocation did not find a token that was issued for good and that nobody else had begun to revoke.
    ValidNotFound(Call),
    /// A confirmed revocation was never looked at again after everything was over: it proves nothing.
    NotLookedAt(String),
    /// A call failed though nothing that happened may make calls fail.
    Failed(Call),
    /// A call failed as if another try could not help either.
    FailedForGood(Call),
    /// A call ended later than its deadline.
    Overdue(Call),
}

/// What a history proves.
#[derive(Debug, Clone, Default)]
pub struct Judgement {
    /// What was done.
    pub head: Option<Head>,
    /// The promises that were not kept.
    pub violations: Vec<Violation>,
    /// How many validations were answered.
    pub validations: usize,
    /// How many revocations were confirmed by replicas.
    pub confirmed: usize,
    /// How many were acknowledged without that.
    pub unconfirmed: usize,
    /// How many of the unconfirmed ones were undone: their tokens counted again.
    pub lost: usize,
    /// How many calls failed, by what they were told.
    pub failures: HashMap<String, usize>,
    /// The longest call.
    pub longest: Duration,
    /// From the fault to the moment at which the servers themselves were well again.
    pub outage: Option<Duration>,
    /// From then to the moment at which validations came at full rate again; zero when they did before.
    pub catching_up: Option<Duration>,
}

impl Judgement {
    /// Judges the history in a file.
    ///
    /// # Errors
    /// The file has none.
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

    /// Errors are errors, and come in time.
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

    /// "Active" and "inactive" are what they must be.
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

    /// Every revocation that was confirmed has to show that it lasted.
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

/// When a token began and ceased to count, as far as its callers were told.
#[derive(Debug, Clone, Copy, Default)]
struct Life {
    /// It was issued, for good.
    began_for_good: Option<u64>,
    /// The first attempt to revoke it began.
    doomed: Option<u64>,
    /// The first revocation was acknowledged.
    ended: Option<u64>,
    /// The first revocation was acknowledged that nothing may undo.
    ended_for_good: Option<u64>,
}

impl Life {
    fn of_each<'a>(head: &Head, calls: &[&'a Call]) -> HashMap<&'a str, Self> {
        let mut lives: HashMap<&str, Self> = HashMap::new();
        let first = |known: &mut Option<u64>, at| *known = Some(known.map_or(at, |known| at.min(known)));
        for call in calls {
            let life = lives.entry(&call.token).or_default();
            let done = matches!(call.answer, Answer::Done | Answer::Confirmed);
            let for_good = call.answer == Answer::Confirmed || done && !head.may_lose;
            match call.op {
                Operation::Issue if for_good => first(&mut life.began_for_good, call.to),
                Operation::Revoke => {
                    first(&mut life.doomed, call.from);
                    if done {
                        first(&mut life.ended, call.to);
                    }
                    if for_good {
                        first(&mut life.ended_for_good, call.to);
                    }
                }
                _ => {}
            }
        }
        lives
    }

    /// Whether the token counts at every moment of this call.
    fn must_count_until(&self, call: &Call) -> bool {
        self.began_for_good.is_some_and(|began| began < call.from)
            && self.doomed.is_none_or(|doomed| doomed > call.to)
    }
}

/// How many validations were answered, and failed, in each tenth of a second.
struct Rate {
    answered: Vec<u32>,
    failed: Vec<u32>,
}

impl Rate {
    const STEP: u64 = 100_000;
    /// So many steps in a row make a rate, and not a burst of what had waited.
    const STEADY: usize = 5;

    fn of(calls: &[&Call], end: u64) -> Self {
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

    /// When, after the fault, validations were answered for a while at four fifths at least of the rate before it, and none
    /// failed any more. A fault that is not felt restores nothing: then it is the fault itself.
    fn restored_after(&self, fault: u64) -> Option<u64> {
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

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, call) = match self {
            Self::NotLookedAt(token) => {
                return write!(f, "nobody knows whether the revocation of {token} lasted");
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

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000;

    fn head(may_lose: bool, may_fail: bool) -> Line {
        Line::Head(Head {
            topology: "cluster".into(),
            fault: "kill".into(),
            level: "replicated".into(),
            seed: 1,
            round: 1,
            may_lose,
            may_fail,
            validate_deadline: SECOND,
            deadline: 5 * SECOND,
        })
    }

    fn call(op: Operation, from: u64, to: u64, answer: Answer) -> Line {
        Line::Call(Call { op, token: "a".into(), from, to, answer })
    }

    fn failure(for_good: bool) -> Answer {
        Answer::Failed { why: "unavailable".into(), for_good, message: "gone".into() }
    }

    /// What is wrong with these calls, where changes may be lost and calls may fail.
    fn wrong(calls: impl IntoIterator<Item = Line>) -> Vec<Violation> {
        wrong_with(head(true, true), calls)
    }

    fn wrong_with(head: Line, calls: impl IntoIterator<Item = Line>) -> Vec<Violation> {
        // A last look at the token, which may not be missing, and tells nothing new.
        let last = [
            Line::Mark(Mark { at: 60 * SECOND, what: Happening::LastLook }),
            call(Operation::Validate, 60 * SECOND, 60 * SECOND + 1, Answer::Inactive),
            call(Operation::Revoke, 59 * SECOND, 59 * SECOND + 1, failure(false)),
        ];
        let history: Vec<Line> = std::iter::once(head).chain(calls).chain(last).collect();
        let mut violations = Judgement::of(&history).violations;
        // The helper's own failure is not what is asked for.
        violations
            .retain(|violation| !matches!(violation, Violation::Failed(call) if call.from == 59 * SECOND));
        violations
    }

    #[test]
    fn a_confirmed_revocation_that_nobody_looked_at_again_proves_nothing() {
        let revoked = call(Operation::Revoke, 10, 20, Answer::Confirmed);
        let history = [head(true, true), revoked];
        assert!(matches!(Judgement::of(&history).violations[..], [Violation::NotLookedAt(_)]));
    }

    #[test]
    fn a_revocation_that_does_not_find_a_live_token_is_a_violation() {
        let issued = call(Operation::Issue, 0, 5, Answer::Confirmed);
        let unknown = call(Operation::Revoke, 10, 20, Answer::Unknown);
        assert!(matches!(wrong([issued.clone(), unknown.clone()])[..], [Violation::ValidNotFound(_)]));
        let before = call(Operation::Revoke, 6, 9, failure(false));
        assert_eq!(wrong([issued, before, unknown]), []);
    }

    use Answer::{Active, Confirmed, Done, Inactive};
    use Operation::{Issue, Revoke, Validate};

    #[test]
    fn a_token_that_counts_after_its_confirmed_revocation_is_a_violation() {
        let revoked = call(Revoke, 10, 20, Confirmed);
        assert_eq!(wrong([revoked.clone(), call(Validate, 21, 30, Inactive)]), []);
        assert!(matches!(
            wrong([revoked.clone(), call(Validate, 21, 30, Active)])[..],
            [Violation::RevokedCounts(_)]
        ));
        // Asked while the revocation was under way: either answer is right.
        assert_eq!(wrong([revoked, call(Validate, 19, 30, Active)]), []);
    }

    #[test]
    fn a_repeat_that_is_not_confirmed_excuses_nothing() {
        let calls =
            [call(Revoke, 10, 20, Confirmed), call(Revoke, 30, 40, Done), call(Validate, 50, 60, Active)];
        assert!(matches!(wrong(calls)[..], [Violation::RevokedCounts(_)]));
    }

    #[test]
    fn an_unconfirmed_revocation_may_be_lost_where_the_fault_may_lose_and_is_counted() {
        let calls =
            [call(Revoke, 10, 20, Done), call(Validate, 21, 30, Active), call(Validate, 31, 40, Active)];
        let history: Vec<Line> = std::iter::once(head(true, true)).chain(calls.clone()).collect();
        let judgement = Judgement::of(&history);
        assert_eq!((judgement.violations.len(), judgement.lost, judgement.unconfirmed), (0, 1, 1));
        assert_eq!(wrong_with(head(false, true), calls).len(), 2);
    }

    #[test]
    fn a_token_that_was_issued_for_good_and_is_refused_is_a_violation() {
        let issued = call(Issue, 0, 5, Confirmed);
        let refused = call(Validate, 10, 20, Inactive);
        assert!(matches!(wrong([issued.clone(), refused.clone()])[..], [Violation::ValidRefused(_)]));
        assert_eq!(wrong([call(Issue, 0, 5, Done), refused.clone()]), [], "the issue may be lost");
        assert_eq!(wrong_with(head(false, true), [call(Issue, 0, 5, Done), refused.clone()]).len(), 1);
        // Somebody has begun to revoke it: whether that succeeds or not, it may be refused.
        assert_eq!(wrong([issued.clone(), call(Revoke, 19, 40, failure(false)), refused.clone()]), []);
        assert_eq!(wrong([issued, call(Revoke, 21, 40, Confirmed), refused]).len(), 1);
    }

    #[test]
    fn a_call_that_outlives_its_deadline_is_a_violation() {
        let validation = |lasted| wrong([call(Validate, 0, lasted, failure(false))]).len();
        assert_eq!([validation(SECOND), validation(2 * SECOND)], [0, 1]);
        let revocation = |lasted| wrong([call(Revoke, 0, lasted, Done)]).len();
        assert_eq!([revocation(5 * SECOND), revocation(6 * SECOND)], [0, 1]);
    }

    #[test]
    fn a_failure_is_a_violation_when_it_is_for_good_or_nothing_may_fail() {
        assert_eq!(wrong([call(Validate, 0, 1, failure(false))]), []);
        assert!(matches!(wrong([call(Validate, 0, 1, failure(true))])[..], [Violation::FailedForGood(_)]));
        assert!(matches!(
            wrong_with(head(true, false), [call(Validate, 0, 1, failure(false))])[..],
            [Violation::Failed(_)]
        ));
    }

    #[test]
    fn the_servers_and_the_validations_are_given_their_own_times() {
        let mark = |at, what| Line::Mark(Mark { at, what });
        let mut history = vec![head(true, true)];
        // Ten validations each 100 ms, but for the time from 1.0 s to 3.2 s.
        for tick in (0..600).filter(|tick| !(100..320).contains(tick)) {
            history.push(call(Validate, tick * 10_000, tick * 10_000 + 1, Active));
        }
        history.push(mark(SECOND, Happening::Fault));
        history.push(mark(3 * SECOND, Happening::Well));
        let judgement = Judgement::of(&history);
        assert_eq!(judgement.outage, Some(Duration::from_secs(2)));
        assert_eq!(judgement.catching_up, Some(Duration::from_millis(200)));
    }

    #[test]
    fn a_rate_that_does_not_come_back_is_never_restored() {
        let mark = |at, what| Line::Mark(Mark { at, what });
        let mut history = vec![head(true, true)];
        history.extend((0..100).map(|tick| call(Validate, tick * 10_000, tick * 10_000 + 1, Active)));
        history.extend((100..200).map(|tick| call(Validate, tick * 30_000, tick * 30_000 + 1, Active)));
        history.extend([mark(SECOND, Happening::Fault), mark(2 * SECOND, Happening::Well)]);
        assert_eq!(Judgement::of(&history).catching_up, None);
    }
}
