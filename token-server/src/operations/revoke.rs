//! Ending tokens.

use token_core::{
    Committed, Label, ParsedToken, Revocation, RevokeOutcome, StoreErrorKind, Subject, TokenId, TokenStatus,
};

use super::policy::{Action, Decision};
use super::{By, Caller, owner, refused};
use crate::error::ApiError;
use crate::state::Sidecar;

impl Caller<'_> {
    /// Ends a token. Repeating it changes nothing more, and says how far the revocation has gone by now.
    pub(crate) async fn revoke(
        &self,
        id: TokenId,
        why: Option<Label>,
    ) -> Result<Committed<RevokeOutcome>, ApiError> {
        self.end(id, By::Id, why).await
    }

    /// Ends a token whose text the caller has.
    pub(crate) async fn revoke_text(
        &self,
        token: ParsedToken,
        why: Option<Label>,
    ) -> Result<Committed<RevokeOutcome>, ApiError> {
        self.end(token.id(), By::Text, why).await
    }

    /// Ends all tokens of a user in one step, the one that is presented included where it is theirs.
    pub(crate) async fn revoke_all(
        &self,
        user: &Subject,
        why: Option<Label>,
    ) -> Result<Committed<Vec<TokenId>>, ApiError> {
        self.expect_no_token("user", Some(user.as_str()))?;
        self.expect_no_token("why", why.as_ref().map(Label::as_str))?;
        match self.decide(&Action::RevokeAll(user)) {
            Decision::Granted => self.admitted().await?,
            other => return Err(refused(other)),
        }
        let done = self.tokens().revoke_subject(user, &self.revocation(why)).await?;
        tracing::info!(%user, by = %self.subject(), count = done.outcome.len(), "revoked all tokens of a user");
        Ok(done)
    }

    async fn end(
        &self,
        id: TokenId,
        by: By,
        why: Option<Label>,
    ) -> Result<Committed<RevokeOutcome>, ApiError> {
        self.expect_no_token("why", why.as_ref().map(Label::as_str))?;
        self.may(id, by).await?;
        let done = self.tokens().revoke(id, &self.revocation(why)).await?;
        if done.outcome == RevokeOutcome::Unknown {
            return Err(ApiError::no_such_token());
        }
        tracing::info!(%id, by = %self.subject(), outcome = done.outcome.code(), "revoked a token");
        Ok(done)
    }
}

impl Sidecar {
    /// Ends a token for a caller who has its text and presents nothing else. The tombstone names its user.
    pub(crate) async fn revoke_itself(
        &self,
        token: ParsedToken,
    ) -> Result<Committed<RevokeOutcome>, ApiError> {
        let (id, tokens) = (token.id(), &self.tokens);
        let by = match tokens.show(id).await {
            // Nothing is written for a text that was never issued.
            Ok(TokenStatus::Unknown) => return Err(ApiError::no_such_token()),
            Ok(token_status) => owner(&token_status).and_then(|owner| owner.as_str().parse().ok()),
            Err(error) if error.kind() == StoreErrorKind::Corrupt => None,
            Err(error) => return Err(error.into()),
        };
        let done = tokens.revoke(id, &Revocation { by, why: None }).await?;
        tracing::info!(%id, by = "its own text", outcome = done.outcome.code(), "revoked a token");
        Ok(done)
    }
}
