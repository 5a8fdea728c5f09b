//! Issuing tokens.

use super::{Event, ServiceError, TokenService};
use crate::confirmation::{Committed, Confirmation};
use crate::grant::Grant;
use crate::idempotency::{IdempotencyKey, Once};
use crate::partition::{Partition, SubjectHash};
use crate::request::IssueRequest;
use crate::rng::{RandomnessError, seeded};
use crate::store::TokenStore;
use crate::token::Token;

/// A token that was just issued. Its text is not available again.
#[derive(Debug)]
pub struct Issued {
    /// The token.
    pub token: Token,
    /// What it grants.
    pub grant: Grant,
    /// How durable the issue is known to be.
    pub confirmation: Confirmation,
}

impl<S: TokenStore> TokenService<S> {
    /// Makes a token and stores its record.
    ///
    /// # Errors
    /// The policy does not allow the request, no random bytes are available, or the store failed or refused. If the store
    /// failed, the token may have been issued all the same; its text is lost with this call, so nobody has it.
    pub async fn issue(&self, request: &IssueRequest) -> Result<Issued, ServiceError> {
        let token = self.token_for(request)?;
        let change = self.store.issue(token.id(), request).await?;
        Ok(self.issued(token, change))
    }

    /// Issues a token once: of all requests with this key, only one gets a token.
    ///
    /// # Errors
    /// As [`issue`](Self::issue). Repeating the request with the same key is safe.
    pub async fn issue_once(
        &self,
        request: &IssueRequest,
        key: &IdempotencyKey,
    ) -> Result<Once<Issued>, ServiceError> {
        let token = self.token_for(request)?;
        Ok(match self.store.issue_once(token.id(), request, key).await? {
            Once::Issued(change) => Once::Issued(self.issued(token, change)),
            // The new text is dropped: the answer names the token that the first request issued.
            Once::Repeated(repeated) => Once::Repeated(repeated),
            Once::Mismatched => Once::Mismatched,
        })
    }

    /// A token for the request, if the policy allows it.
    fn token_for(&self, request: &IssueRequest) -> Result<Token, ServiceError> {
        self.parts.policy.check(request)?;
        Ok(self.generate(SubjectHash::of(&request.subject).partition)?)
    }

    /// A new token from a freshly seeded generator: a generator that is kept repeats its secrets in a forked process or a
    /// resumed snapshot of a machine.
    pub(super) fn generate(&self, partition: Partition) -> Result<Token, RandomnessError> {
        let mut rng = seeded(&*self.parts.random)?;
        Ok(self.format.generate(partition, &mut rng))
    }

    fn issued(&self, token: Token, change: Committed<Grant>) -> Issued {
        let Committed { outcome: grant, confirmation } = change;
        self.parts.events.record(&Event::Issued { grant: &grant, confirmation });
        Issued { token, grant, confirmation }
    }
}
