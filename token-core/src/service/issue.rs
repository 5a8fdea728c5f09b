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

/// A token that was just issued. This is the only time its text can be had.
#[derive(Debug)]
pub struct Issued {
    /// The token.
    pub token: Token,
    /// What it grants.
    pub grant: Grant,
    /// How far the issue is known to have gone.
    pub confirmation: Confirmation,
}

impl<S: TokenStore> TokenService<S> {
    /// Makes a token and keeps its record.
    ///
    /// # Errors
    /// The policy does not allow it, there is no randomness, or the store could not be asked or refused. In the last case
    /// the token may have been issued all the same; its text is lost with this call, so nobody holds it.
    pub async fn issue(&self, request: &IssueRequest) -> Result<Issued, ServiceError> {
        let token = self.token_for(request)?;
        let change = self.store.issue(token.id(), request).await?;
        Ok(self.issued(token, change))
    }

    /// The same for a request that may be a repeat: of all requests with this key, one gets a token.
    ///
    /// # Errors
    /// As [`issue`](Self::issue). Repeating it with the same key is safe.
    pub async fn issue_once(
        &self,
        request: &IssueRequest,
        key: &IdempotencyKey,
    ) -> Result<Once<Issued>, ServiceError> {
        let token = self.token_for(request)?;
        Ok(match self.store.issue_once(token.id(), request, key).await? {
            Once::Issued(change) => Once::Issued(self.issued(token, change)),
            // The text that was just generated is dropped: the answer names the token that was issued first.
            Once::Repeated(repeated) => Once::Repeated(repeated),
            Once::Mismatched => Once::Mismatched,
        })
    }

    /// A token for the request, if the policy allows it.
    fn token_for(&self, request: &IssueRequest) -> Result<Token, ServiceError> {
        self.parts.policy.check(request)?;
        Ok(self.generate(SubjectHash::of(&request.subject).partition)?)
    }

    /// A token that was never issued, freshly seeded: a generator that is kept repeats its secrets in a forked process or
    /// a resumed snapshot of a machine.
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
