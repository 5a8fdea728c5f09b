//! Whether a use of a live token is admitted, and until when the token lives then: the one place that says so in Rust.
//! `validate.lua` of `token-redis` decides the same inside Redis; tests hold it to this.

use std::sync::Arc;

use super::Record;
use crate::access::{Mode, Requirement};
use crate::id::TokenId;
use crate::timestamp::Timestamp;
use crate::verdict::{Reason, Verdict};

/// What a store answers to a use of a token that it holds, and does about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// The use is admitted. The token then ends at this time, which the store keeps.
    Admit {
        /// When the token ends unless it is used again.
        expires_at: Timestamp,
    },
    /// The use is refused, and changes nothing.
    Refuse(Reason),
}

impl Record {
    /// Decides about a use at `now` of a token that ends at `expires_at`.
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
        // Only a store whose times were changed still has such a token.
        let hard_expiry = self.deadlines.cap();
        if hard_expiry.is_some_and(|end| end <= now) {
            return Decision::Refuse(Reason::NoSuchToken);
        }
        let expires_at = match mode {
            Mode::Use => self.deadlines.renewed(expires_at, now),
            // The expiry is sealed into the record; what a store keeps beside it may have been changed.
            Mode::Peek => hard_expiry.map_or(expires_at, |end| expires_at.min(end)),
        };
        Decision::Admit { expires_at }
    }

    /// The verdict on a use that the store has admitted by itself, of a token that ends at `expires_at`: the requirement is
    /// compared once more, with the record as it was sealed.
    #[must_use]
    pub fn admitted(self, id: TokenId, expires_at: Timestamp, requirement: &Requirement) -> Verdict {
        match requirement.unmet_by(&self.subject, &self.access) {
            Some(reason) => Verdict::Inactive(reason),
            None => Verdict::Active(Arc::new(self.into_grant(id, expires_at))),
        }
    }

    /// The verdict on a use, as [`decide`](Self::decide) decides it. The grant of an active token says when it ends now.
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
    fn a_use_of_a_hard_token_leaves_its_end_alone() {
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
    fn no_end_that_a_store_keeps_outlasts_the_hard_expiry() {
        let record = record(Lifetime::hard("1s".parse().unwrap()));
        assert_eq!(record.decide(at(9000), &Requirement::any(), Mode::Peek, at(600)), admitted(1000));
        assert_eq!(record.decide(at(9000), &Requirement::any(), Mode::Use, at(600)), admitted(1000));
        let late = record.decide(at(9000), &Requirement::any(), Mode::Use, at(1000));
        assert_eq!(late, Decision::Refuse(Reason::NoSuchToken));
    }
}
