//! The one place that turns problems into statuses.

use token_core::{StoreError, StoreErrorKind};
use tonic::{Code, Status};

use crate::grpc;
use crate::sidecar::problem::{Problem, UNREADABLE_DEMAND};

/// What a caller is told where nothing is known.
pub(super) const CANNOT_BE_FOUND_OUT: &str = "it cannot be found out just now; try again";

impl From<Problem> for Status {
    fn from(problem: Problem) -> Self {
        match problem {
            Problem::Refused(refusal, _) | Problem::Stopped(refusal, _) => {
                refusal.tell();
                Self::new(grpc::code(&refusal).into(), refusal.sentence())
            }
            Problem::Demand(_) => Self::permission_denied(UNREADABLE_DEMAND),
            Problem::Forbidden(sentence) => Self::permission_denied(sentence),
            Problem::NotNow(_, sentence) => Self::unavailable(sentence),
            Problem::Wrong(_, _, sentence) => Self::invalid_argument(sentence),
            Problem::NotFound(sentence) => Self::not_found(sentence),
            Problem::Revoked(_) => Self::not_found("the token was revoked"),
            Problem::Store(error) => of_store(error),
        }
    }
}

/// The log gets the cause, the caller a sentence.
fn of_store(error: StoreError) -> Status {
    let cause = std::error::Error::source(&error).map(ToString::to_string);
    tracing::error!(%error, cause, "the store did not do what a gRPC call asked for");
    let (code, sentence) = match error.kind() {
        StoreErrorKind::Unavailable => (Code::Unavailable, CANNOT_BE_FOUND_OUT),
        StoreErrorKind::TimedOut => {
            (Code::DeadlineExceeded, "the store did not answer in time: a change may have happened or not")
        }
        StoreErrorKind::Contended | StoreErrorKind::Conflict => {
            (Code::Aborted, "others changed the same meanwhile; try again")
        }
        StoreErrorKind::Full => (Code::ResourceExhausted, "the store has no room for another token"),
        StoreErrorKind::Corrupt => {
            (Code::DataLoss, "this node cannot read what the store keeps of the token; see the log")
        }
        _ => (Code::Internal, "the store is not set up for this; see the log"),
    };
    Status::new(code, sentence)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::refusal::{Realm, Refusal};

    #[test]
    fn what_can_be_tried_again_has_a_code_that_says_so_and_nothing_else_has() {
        for (kind, code) in [
            (StoreErrorKind::Unavailable, Code::Unavailable),
            (StoreErrorKind::TimedOut, Code::DeadlineExceeded),
            (StoreErrorKind::Contended, Code::Aborted),
            (StoreErrorKind::Conflict, Code::Aborted),
            (StoreErrorKind::Full, Code::ResourceExhausted),
            (StoreErrorKind::Corrupt, Code::DataLoss),
            (StoreErrorKind::LoginRefused, Code::Internal),
            (StoreErrorKind::Denied, Code::Internal),
            (StoreErrorKind::Misconfigured, Code::Internal),
        ] {
            assert_eq!(of_store(StoreError::new(kind, "hidden")).code(), code, "{kind:?}");
        }
    }

    #[test]
    fn a_caller_whose_token_ended_meanwhile_is_told_as_much() {
        let ended = Refusal::Inactive(token_core::Reason::Unknown);
        assert_eq!(Status::from(Problem::Refused(ended, Realm::default())).code(), Code::Unauthenticated);
    }

    #[test]
    fn a_caller_does_not_learn_the_cause() {
        let error = StoreError::new(StoreErrorKind::Unavailable, "redis://admin:password@10.0.0.1");
        assert!(!format!("{:?}", of_store(error)).contains("password"));
    }
}
