//! Validating presented texts. This path uses neither the policy nor the event sink.

use super::TokenService;
use crate::access::{Mode, Requirement};
use crate::error::StoreError;
use crate::store::TokenStore;
use crate::verdict::{Reason, Verdict};

impl<S: TokenStore> TokenService<S> {
    /// Decides whether the text is a live token that meets the requirement, and renews a sliding token that does.
    ///
    /// A text that is not a token of this deployment is refused without asking the store.
    ///
    /// # Errors
    /// It could not be found out. Neither accept the token nor call it invalid.
    pub async fn validate(&self, text: &str, requirement: &Requirement) -> Result<Verdict, StoreError> {
        self.decide(text, requirement, Mode::Use).await
    }

    /// Validates many texts at once, each with its own requirement; the answers are in the same order.
    ///
    /// A store behind a network gets many of them in one message: to check the tokens of a thousand open connections costs
    /// a fraction of a thousand validations.
    pub async fn validate_many<'a>(
        &self,
        uses: impl IntoIterator<Item = (&'a str, Requirement)>,
    ) -> Vec<Result<Verdict, StoreError>> {
        let mut tokens = Vec::new();
        let parsed: Vec<_> = uses
            .into_iter()
            .map(|(text, requirement)| self.parse(text).map(|token| tokens.push((token, requirement))))
            .collect();
        let mut verdicts = self.store.validate_many(&tokens, Mode::Use).await.into_iter();
        let answer = |parsed| match parsed {
            Ok(()) => verdicts.next().unwrap_or_else(|| Err(StoreError::unanswered())),
            Err(malformed) => Ok(Verdict::Inactive(Reason::Malformed(malformed))),
        };
        parsed.into_iter().map(answer).collect()
    }

    /// Validates a text without renewing the token.
    ///
    /// # Errors
    /// It could not be found out.
    pub async fn peek(&self, text: &str, requirement: &Requirement) -> Result<Verdict, StoreError> {
        self.decide(text, requirement, Mode::Peek).await
    }

    /// Renews a token after [`peek`](Self::peek), when the service has admitted the use by further rules.
    ///
    /// # Errors
    /// It could not be found out.
    pub async fn renew(&self, text: &str, requirement: &Requirement) -> Result<Verdict, StoreError> {
        match self.parse(text) {
            Ok(token) => self.store.renew(token, requirement).await,
            Err(malformed) => Ok(Verdict::Inactive(Reason::Malformed(malformed))),
        }
    }

    async fn decide(&self, text: &str, requirement: &Requirement, mode: Mode) -> Result<Verdict, StoreError> {
        match self.parse(text) {
            Ok(token) => self.store.validate(token, requirement, mode).await,
            Err(malformed) => Ok(Verdict::Inactive(Reason::Malformed(malformed))),
        }
    }
}
