//! Determines from the histories how late revoked tokens were still accepted.

use std::collections::HashMap;

use super::history::{Answer, Revoked, Use};

/// The findings in the histories of some nodes. Times are nanoseconds.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    /// Revocations times nodes.
    pub(crate) pairs: usize,
    /// For each observed pair, in ascending order: the time from the acknowledgement to the start of the last accepted use, 0
    /// if there is none.
    pub(crate) delays: Vec<u64>,
    /// For each observed pair, in ascending order: the time from the acknowledgement to the start of the next use, which was not
    /// accepted; 0 if that started earlier. This is an upper bound of the real delay.
    pub(crate) ends: Vec<u64>,
    /// For each observed revocation, in ascending order: the delay of its slowest node.
    pub(crate) slowest: Vec<u64>,
    /// Accepted uses that started later than the bound after the acknowledgement.
    pub(crate) late: usize,
    /// All uses.
    pub(crate) uses: usize,
}

/// Checks the histories of nodes with the same bound.
pub(crate) fn judge(revoked: &[Revoked], histories: &[&[Use]], bound: u64) -> Findings {
    let mut findings = Findings { pairs: revoked.len() * histories.len(), ..Findings::default() };
    let mut slowest: HashMap<usize, u64> = HashMap::new();
    for history in histories {
        findings.uses += history.len();
        let uses = by_token(history);
        for &Revoked { token, acknowledged } in revoked {
            let uses = uses.get(&token).map_or(&[][..], Vec::as_slice);
            let pair = Pair { uses, acknowledged, bound };
            findings.late += pair.late();
            if pair.was_watched() {
                let (delay, end) = pair.delay();
                findings.delays.push(delay);
                findings.ends.push(end);
                let slowest = slowest.entry(token).or_default();
                *slowest = delay.max(*slowest);
            }
        }
    }
    findings.slowest = slowest.into_values().collect();
    for all in [&mut findings.delays, &mut findings.ends, &mut findings.slowest] {
        all.sort_unstable();
    }
    findings
}

/// The uses of each token, in the order of their start.
fn by_token(history: &[Use]) -> HashMap<usize, Vec<Use>> {
    let mut all: HashMap<usize, Vec<Use>> = HashMap::new();
    for &used in history {
        all.entry(used.token).or_default().push(used);
    }
    all.values_mut().for_each(|uses| uses.sort_unstable_by_key(|used| used.asked));
    all
}

/// A revocation, and one node's answers about its token.
struct Pair<'a> {
    uses: &'a [Use],
    acknowledged: u64,
    bound: u64,
}

impl Pair<'_> {
    fn late(&self) -> usize {
        let limit = self.acknowledged + self.bound;
        self.accepted().filter(|used| used.asked > limit).count()
    }

    /// Whether the token was in use on the node, and was used again after the bound. Other pairs prove little.
    fn was_watched(&self) -> bool {
        let limit = self.acknowledged + self.bound;
        let in_use = self.accepted().any(|used| used.answered < self.acknowledged);
        in_use && self.uses.last().is_some_and(|used| used.asked > limit)
    }

    /// The delays of the last accepted use, and of the use after it.
    fn delay(&self) -> (u64, u64) {
        let last = self.accepted().map(|used| used.asked).max().unwrap_or(0);
        let next = self.uses.iter().find(|used| used.asked > last).map_or(last, |used| used.asked);
        (last.saturating_sub(self.acknowledged), next.saturating_sub(self.acknowledged))
    }

    fn accepted(&self) -> impl Iterator<Item = &Use> {
        self.uses.iter().filter(|used| used.answer == Answer::Accepted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Answer::{Accepted, NotKnown, Refused};

    const BOUND: u64 = 1000;

    /// The findings about a token that was revoked at 5000, on one node.
    fn judged(uses: &[(u64, Answer)]) -> Findings {
        let history: Vec<Use> = uses
            .iter()
            .map(|&(asked, answer)| Use { token: 7, asked, answered: asked + 10, answer })
            .collect();
        judge(&[Revoked { token: 7, acknowledged: 5000 }], &[&history], BOUND)
    }

    #[test]
    fn a_use_that_is_accepted_later_than_the_bound_is_noticed() {
        let found = judged(&[(4000, Accepted), (5500, Refused), (6001, Accepted), (6500, Refused)]);
        assert_eq!((found.late, found.delays), (1, vec![1001]));
    }

    #[test]
    fn a_late_acceptance_of_a_token_never_used_before_is_noticed() {
        let found = judged(&[(7000, Accepted)]);
        assert_eq!((found.late, found.delays.len()), (1, 0));
    }

    #[test]
    fn within_the_bound_nothing_is_late_and_the_last_delay_is_kept() {
        let found = judged(&[(4000, Accepted), (5200, Accepted), (6000, Accepted), (6020, NotKnown)]);
        assert_eq!((found.late, found.delays, found.ends), (0, vec![1000], vec![1020]));
    }

    #[test]
    fn a_use_that_starts_before_the_acknowledgement_is_no_delay() {
        let found = judged(&[(4000, Accepted), (4999, Accepted), (5003, Refused), (6500, Refused)]);
        assert_eq!((found.late, found.delays, found.ends), (0, vec![0], vec![3]));
    }

    #[test]
    fn a_token_refused_before_the_acknowledgement_has_no_delay() {
        let found = judged(&[(4000, Accepted), (4990, Refused), (5200, Refused), (6500, Refused)]);
        assert_eq!((found.delays, found.ends), (vec![0], vec![0]));
    }

    #[test]
    fn a_node_without_a_later_use_proves_nothing() {
        for uses in [&[(4000, Accepted), (5500, Refused)][..], &[(4000, NotKnown), (6500, Refused)]] {
            let found = judged(uses);
            assert_eq!((found.pairs, found.delays.len()), (1, 0), "{uses:?}");
        }
    }

    #[test]
    fn a_revocation_is_as_slow_as_its_slowest_node() {
        let node = |last| {
            [(4000, Accepted), (last, Accepted), (7000, Refused)].map(|(asked, answer)| Use {
                token: 1,
                asked,
                answered: asked + 10,
                answer,
            })
        };
        let found = judge(
            &[Revoked { token: 1, acknowledged: 5000 }],
            &[&node(5100), &node(5300), &node(5200)],
            BOUND,
        );
        assert_eq!((found.delays, found.slowest), (vec![100, 200, 300], vec![300]));
    }
}
