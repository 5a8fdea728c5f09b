use std::time::Duration;

use super::{Judgement, Violation};
use crate::faults::history::{Answer, Call, Happening, Head, Line, Mark, Operation};

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

/// The violations in these calls, if changes may be lost and calls may fail.
fn wrong(calls: impl IntoIterator<Item = Line>) -> Vec<Violation> {
    wrong_with(head(true, true), calls)
}

fn wrong_with(head: Line, calls: impl IntoIterator<Item = Line>) -> Vec<Violation> {
    // A last check of the token, which is required, and adds nothing.
    let last = [
        Line::Mark(Mark { at: 60 * SECOND, what: Happening::LastLook }),
        call(Operation::Validate, 60 * SECOND, 60 * SECOND + 1, Answer::Inactive),
        call(Operation::Revoke, 59 * SECOND, 59 * SECOND + 1, failure(false)),
    ];
    let history: Vec<Line> = std::iter::once(head).chain(calls).chain(last).collect();
    let mut violations = Judgement::of(&history).violations;
    // Leave out the violation that the helper itself causes.
    violations.retain(|violation| !matches!(violation, Violation::Failed(call) if call.from == 59 * SECOND));
    violations
}

#[test]
fn a_confirmed_revocation_not_looked_at_again_proves_nothing() {
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
fn a_token_valid_after_its_confirmed_revocation_is_a_violation() {
    let revoked = call(Revoke, 10, 20, Confirmed);
    assert_eq!(wrong([revoked.clone(), call(Validate, 21, 30, Inactive)]), []);
    assert!(matches!(
        wrong([revoked.clone(), call(Validate, 21, 30, Active)])[..],
        [Violation::RevokedCounts(_)]
    ));
    // Validated while the revocation was under way: either answer is correct.
    assert_eq!(wrong([revoked, call(Validate, 19, 30, Active)]), []);
}

#[test]
fn a_repeat_that_is_not_confirmed_excuses_nothing() {
    let calls = [call(Revoke, 10, 20, Confirmed), call(Revoke, 30, 40, Done), call(Validate, 50, 60, Active)];
    assert!(matches!(wrong(calls)[..], [Violation::RevokedCounts(_)]));
}

#[test]
fn an_unconfirmed_revocation_that_may_be_lost_is_only_counted() {
    let calls = [call(Revoke, 10, 20, Done), call(Validate, 21, 30, Active), call(Validate, 31, 40, Active)];
    let history: Vec<Line> = std::iter::once(head(true, true)).chain(calls.clone()).collect();
    let judgement = Judgement::of(&history);
    assert_eq!((judgement.violations.len(), judgement.lost, judgement.unconfirmed), (0, 1, 1));
    assert_eq!(wrong_with(head(false, true), calls).len(), 2);
}

#[test]
fn refusing_a_token_whose_issue_was_confirmed_is_a_violation() {
    let issued = call(Issue, 0, 5, Confirmed);
    let refused = call(Validate, 10, 20, Inactive);
    assert!(matches!(wrong([issued.clone(), refused.clone()])[..], [Violation::ValidRefused(_)]));
    assert_eq!(wrong([call(Issue, 0, 5, Done), refused.clone()]), [], "the issue may be lost");
    assert_eq!(wrong_with(head(false, true), [call(Issue, 0, 5, Done), refused.clone()]).len(), 1);
    // A revocation has started: whether it succeeds or not, the token may be refused.
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
fn a_permanent_or_forbidden_failure_is_a_violation() {
    assert_eq!(wrong([call(Validate, 0, 1, failure(false))]), []);
    assert!(matches!(wrong([call(Validate, 0, 1, failure(true))])[..], [Violation::FailedForGood(_)]));
    assert!(matches!(
        wrong_with(head(true, false), [call(Validate, 0, 1, failure(false))])[..],
        [Violation::Failed(_)]
    ));
}

#[test]
fn servers_and_validations_have_separate_recovery_times() {
    let mark = |at, what| Line::Mark(Mark { at, what });
    let mut history = vec![head(true, true)];
    // Ten validations in each 100 ms, except from 1.0 s to 3.2 s.
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
