//! The life of one token.

use std::collections::HashMap;

use crate::faults::history::{Answer, Call, Head, Operation};

/// From when until when a token is valid, according to the answers that callers got.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Life {
    /// It was issued, and no fault may undo that.
    pub(super) began_for_good: Option<u64>,
    /// The first attempt to revoke it began.
    pub(super) doomed: Option<u64>,
    /// The first revocation was acknowledged.
    pub(super) ended: Option<u64>,
    /// The first revocation was acknowledged that no fault may undo.
    pub(super) ended_for_good: Option<u64>,
}

impl Life {
    pub(super) fn of_each<'a>(head: &Head, calls: &[&'a Call]) -> HashMap<&'a str, Self> {
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

    /// Whether the token must be valid at every moment of this call.
    pub(super) fn must_count_until(&self, call: &Call) -> bool {
        self.began_for_good.is_some_and(|began| began < call.from)
            && self.doomed.is_none_or(|doomed| doomed > call.to)
    }
}
