//! The clocks of the servers, against each other and against ours.
//!
//! Redis keeps deadlines as points in time, and judges them by its own clock. So a difference *between* servers moves
//! every deadline when a replica takes over: that is a failure from [`TOO_FAR`] on. A difference to *us* changes nothing
//! that the store decides; but one of the two is wrong, and when it is set right, deadlines move: a warning.

use crate::{Check, Finding};

use crate::redis::snapshot::{Offset, Snapshot};

/// In milliseconds. Clocks that are kept by NTP are within some tens.
const FAR: i64 = 250;
/// A window of seconds is the shortest that makes sense; a jump of this size ends or prolongs it noticeably.
const TOO_FAR: i64 = 5000;

const CLOCK: Check = Check {
    name: "clock",
    wanted: "within 250 ms of the clock of this machine",
    why: "deadlines are points in time by the server's clock: when a wrong clock is set right, tokens end early or late \
          by as much",
};

const CLOCKS: Check = Check {
    name: "clocks",
    wanted: "all nodes within 250 ms of each other (NTP)",
    why: "a replica that takes over judges the same deadlines by its own clock: behind, it lets tokens live longer; ahead, \
          it ends them early",
};

pub(super) fn findings(snapshot: &Snapshot) -> Vec<Finding> {
    let one = |clock: &Result<Offset, crate::redis::observed::Unobserved>| match clock {
        Err(unobserved) => CLOCK.warning(unobserved.to_string()),
        Ok(offset) if certain(*offset) > FAR => CLOCK.warning(words(*offset)),
        Ok(_) => CLOCK.ok("the same as here"),
    };
    let mut findings: Vec<Finding> =
        snapshot.answering().map(|(node, facts)| one(&facts.clock).at(&node.name)).collect();
    findings.extend(among(snapshot));
    findings
}

/// The two that are furthest apart.
fn among(snapshot: &Snapshot) -> Option<Finding> {
    let told =
        || snapshot.answering().filter_map(|(node, facts)| Some((&node.name, facts.clock.as_ref().ok()?)));
    let (first, ahead) = told().max_by_key(|(_, offset)| offset.millis)?;
    let (last, behind) = told().min_by_key(|(_, offset)| offset.millis)?;
    let apart = Offset {
        millis: ahead.millis.saturating_sub(behind.millis),
        uncertain: ahead.uncertain.saturating_add(behind.uncertain),
    };
    let found = || format!("{first} is {} ahead of {last}", span(certain(apart)));
    (told().count() > 1).then(|| match certain(apart) {
        by if by > TOO_FAR => CLOCKS.failure(found()),
        by if by > FAR => CLOCKS.warning(found()),
        _ => CLOCKS.ok("all the same"),
    })
}

/// How far off it is at least.
fn certain(offset: Offset) -> i64 {
    offset.millis.saturating_abs().saturating_sub(offset.uncertain).max(0)
}

fn words(offset: Offset) -> String {
    let side = if offset.millis > 0 { "ahead of" } else { "behind" };
    format!("{} {side} the clock of this machine", span(certain(offset)))
}

fn span(millis: i64) -> String {
    match millis {
        ..10_000 => format!("{millis} ms"),
        _ => format!("{} s", millis / 1000),
    }
}

#[cfg(test)]
mod tests {
    use crate::FindingStatus::{self, Failure, Ok, Warning};

    use super::super::fixtures::{alone, cluster, node, only, with_clock, worst};
    use super::*;

    fn at(millis: i64, uncertain: i64) -> crate::redis::snapshot::Node {
        with_clock(node(&format!("n{millis}"), ""), millis, uncertain)
    }

    #[test]
    fn a_clock_is_off_by_what_the_way_there_cannot_explain() {
        for (millis, uncertain, status) in [
            (0, 1, Ok),
            (250, 0, Ok),
            (-250, 0, Ok),
            (251, 0, Warning),
            (-251, 0, Warning),
            (900, 700, Ok),
            (3_600_000, 1, Warning),
        ] {
            assert_eq!(only(&findings(&alone(at(millis, uncertain))), "clock").status, status, "{millis}");
        }
    }

    #[test]
    fn differing_clocks_are_a_warning_and_by_seconds_a_failure() {
        let status =
            |a, b| -> FindingStatus { only(&findings(&cluster(vec![at(a, 0), at(b, 0)])), "clocks").status };
        assert_eq!((status(0, 250), status(-200, 100), status(-3000, 2001)), (Ok, Warning, Failure));
        assert_eq!(status(3_600_000, 3_600_001), Ok, "it is ours that is wrong");
    }

    #[test]
    fn the_clock_of_a_single_node_is_not_compared() {
        assert_eq!(worst(&findings(&alone(at(0, 0))), "clocks"), None);
    }

    #[test]
    fn which_node_is_ahead_of_which_is_said() {
        let all = findings(&cluster(vec![at(0, 0), at(-7000, 0)]));
        assert_eq!(only(&all, "clocks").found, "n0 is 7000 ms ahead of n-7000");
    }
}
