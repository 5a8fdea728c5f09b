//! What callers do with tokens, over HTTP and gRPC alike: one function for each operation. Those who answer decode the
//! request, call one operation, and encode its outcome; who may do what is decided in [`policy`].

mod admit;
mod caller;
mod introspect;
mod issue;
pub(crate) mod policy;
mod query;
mod revoke;
mod texts;

use token_core::{Subject, TokenId, TokenStatus};

pub(crate) use self::caller::Caller;
pub(crate) use self::issue::Created;
use self::policy::{Action, Decision};
use crate::error::ApiError;

/// What the caller has of a token that they end.
#[derive(Debug, Clone, Copy)]
enum By {
    Id,
    Text,
}

impl Caller<'_> {
    /// Admits the request if the caller may end this token, or confirm it. The store is asked whose it is only if that
    /// matters: an administrator also ends a token whose record does not decode.
    async fn may(&self, id: TokenId, by: By) -> Result<(), ApiError> {
        self.notes().about(id);
        let action = |owner| match by {
            By::Id => Action::Token(id, owner),
            By::Text => Action::Text,
        };
        if self.decide(&action(None)) == Decision::Granted {
            return self.admitted().await;
        }
        let token_status = self.tokens().show(id).await?;
        match self.decide(&action(owner(&token_status))) {
            Decision::Granted => self.admitted().await,
            other => Err(refused(other)),
        }
    }
}

fn owner(token_status: &TokenStatus) -> Option<&Subject> {
    match token_status {
        TokenStatus::Live(grant) => Some(&grant.subject),
        TokenStatus::Revoked(tombstone) => tombstone.subject.as_ref(),
        TokenStatus::Unknown => None,
    }
}

/// Why it is not done.
fn refused(decision: Decision) -> ApiError {
    match decision {
        Decision::Forbidden(sentence) => ApiError::Forbidden(sentence),
        // What may be done in another way than this one is not there, either.
        Decision::Granted | Decision::WithinParent | Decision::ForItself | Decision::Hidden => {
            ApiError::no_such_token()
        }
    }
}
