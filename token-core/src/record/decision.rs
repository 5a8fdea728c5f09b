//! Decides whether a use of a live token is admitted, and when the token then expires. This is the only place in Rust that
//! does. `validate.lua` of `token-redis` decides the same inside Redis; tests compare the two.

use std::sync::Arc;

use super::Record;
use crate::access::{Mode, Requirement};
use crate::grant::Grant;
use crate::id::TokenId;
use crate::timestamp::Timestamp;
use crate::verdict::{Reason, Verdict};

/// What a store answers to a use of a token, and what it changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// The use is admitted. The token then expires at this time, which the store keeps.
    Admit {
        /// When the token expires unless it is used again.
        expires_at: Timestamp,
    },
    /// The use is refused, and changes nothing.
    Refuse(Reason),
}

impl Record {
    /// Decides about a use at `now` of a token that expires at `expires_at`.
    #[must_use]
    pub fn decide(
        &self,
        expires_at: Timestamp,
        requirement: &Requirement,
        mode: Mode,
        now: Timestamp,
    ) -> Decision {
        if expires_at <= now {
            return Decision::Refuse(Reason::NoSuchToken);
        }
        if let Some(reason) = requirement.unmet_by(&self.subject, &self.access) {
            return Decision::Refuse(reason);
        }
        // A store has such a token only if its times were changed from outside.
        let hard_expiry = self.deadlines.cap();
        if hard_expiry.is_some_and(|end| end <= now) {
            return Decision::Refuse(Reason::NoSuchToken);
        }
        let expires_at = match mode {
            Mode::Use => self.deadlines.renewed(expires_at, now),
            // The hard expiry is sealed into the record; the time that a store keeps beside it may have been changed.
            Mode::Peek => self.deadlines.end(expires_at),
        };
        Decision::Admit { expires_at }
    }

    /// The grant at `now` of a token that a store keeps until `kept`, with the expiry that a peek returns. `None` for a token
    /// whose hard expiry has passed, which a use would refuse.
    #[must_use]
    pub fn shown(self, id: TokenId, kept: Timestamp, now: Timestamp) -> Option<Grant> {
        let expires_at = self.deadlines.end(kept);
        (now < expires_at).then(|| self.into_grant(id, expires_at))
    }

    /// The verdict on a use that the store itself has admitted, of a token that expires at `expires_at`: checks the
    /// requirement again, against the sealed record.
    #[must_use]
    pub fn admitted(self, id: TokenId, expires_at: Timestamp, requirement: &Requirement) -> Verdict {
        match requirement.unmet_by(&self.subject, &self.access) {
            Some(reason) => Verdict::Inactive(reason),
            None => Verdict::Active(Arc::new(self.into_grant(id, expires_at))),
        }
    }

    /// The verdict on a use, by [`decide`](Self::decide). The grant of an active token has the renewed expiry.
    #[must_use]
    pub fn verdict(
        self,
        id: TokenId,
        expires_at: Timestamp,
        requirement: &Requirement,
        mode: Mode,
        now: Timestamp,
    ) -> Verdict {
        match self.decide(expires_at, requirement, mode, now) {
            Decision::Admit { expires_at } => Verdict::Active(Arc::new(self.into_grant(id, expires_at))),
            Decision::Refuse(reason) => Verdict::Inactive(reason),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Access, IssueRequest, Lifetime};

    fn record(lifetime: Lifetime) -> Record {
        let request = IssueRequest::new("admin".parse().unwrap(), Access::Full, lifetime);
        Record::new(&request, at(0))
    }

    fn at(millis: u64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    fn admitted(millis: u64) -> Decision {
        Decision::Admit { expires_at: at(millis) }
    }

    #[test]
    fn a_use_renews_and_a_peek_does_not() {
        let record = record(Lifetime::sliding("1s".parse().unwrap()));
        assert_eq!(record.decide(at(1000), &Requirement::any(), Mode::Use, at(600)), admitted(1600));
        assert_eq!(record.decide(at(1000), &Requirement::any(), Mode::Peek, at(600)), admitted(1000));
    }

    #[test]
    fn a_use_of_a_hard_token_does_not_change_its_expiry() {
        let record = record(Lifetime::hard("1s".parse().unwrap()));
        assert_eq!(record.decide(at(800), &Requirement::any(), Mode::Use, at(600)), admitted(800));
    }

    #[test]
    fn a_refused_use_changes_nothing() {
        let record = record(Lifetime::sliding("1s".parse().unwrap()));
        let requirement = Requirement::any().subject("root".parse().unwrap());
        let decision = record.decide(at(1000), &requirement, Mode::Use, at(600));
        assert_eq!(decision, Decision::Refuse(Reason::WrongSubject));
    }

    #[test]
    fn no_expiry_kept_by_a_store_exceeds_the_hard_expiry() {
        let record = record(Lifetime::hard("1s".parse().unwrap()));
        assert_eq!(record.decide(at(9000), &Requirement::any(), Mode::Peek, at(600)), admitted(1000));
        assert_eq!(record.decide(at(9000), &Requirement::any(), Mode::Use, at(600)), admitted(1000));
        let late = record.decide(at(9000), &Requirement::any(), Mode::Use, at(1000));
        assert_eq!(late, Decision::Refuse(Reason::NoSuchToken));
    }

    #[test]
    fn a_look_shows_the_end_that_a_peek_answers_with() {
        let id = TokenId::new(crate::partition::SubjectHash::of(&"admin".parse().unwrap()).partition, 7);
        let shown = |kept, now| {
            let record = record(Lifetime::hard("1s".parse().unwrap()));
            record.shown(id, at(kept), at(now)).map(|grant| grant.expires_at)
        };
        assert_eq!(shown(800, 600), Some(at(800)));
        assert_eq!(shown(9000, 600), Some(at(1000)));
        assert_eq!(shown(9000, 1000), None);
    }
}
