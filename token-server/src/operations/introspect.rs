//! Answering others about a token that was presented to them.

use token_core::{Mode, Requirement, Verdict};

use super::policy::{Action, Decision};
use super::{Caller, refused};
use crate::error::ApiError;

impl Caller<'_> {
    /// Whether a token that was presented to the caller is valid.
    pub(crate) async fn introspect(
        &self,
        text: &str,
        requirement: &Requirement,
        mode: Mode,
    ) -> Result<Verdict, ApiError> {
        match self.decide(&Action::Introspect) {
            Decision::Granted => self.admitted().await?,
            other => return Err(refused(other)),
        }
        let verdict = match mode {
            Mode::Use => self.tokens().validate(text, requirement).await?,
            Mode::Peek => self.tokens().peek(text, requirement).await?,
        };
        if let Ok(token) = self.tokens().parse(text) {
            self.notes().about(token.id());
        }
        if let Verdict::Inactive(reason) = &verdict {
            self.notes().refused(reason.code());
            tracing::debug!(reason = reason.code(), "introspected a token that does not count");
        }
        Ok(verdict)
    }
}
