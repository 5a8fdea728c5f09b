//! Looking at tokens: list, show, confirm.

use token_core::{Committed, Listing, Subject, TokenId, TokenState, TokenStatus};

use super::policy::{Action, Decision};
use super::{By, Caller, owner, refused};
use crate::error::ApiError;

impl Caller<'_> {
    /// The live tokens of a user, oldest first, as far as the caller may know of them; those too that cannot be read.
    pub(crate) async fn list(&self, user: &Subject) -> Result<Listing, ApiError> {
        let only = match self.decide(&Action::List(user)) {
            Decision::Granted => None,
            Decision::ForItself => Some(self.grant().id),
            other => return Err(refused(other)),
        };
        self.admitted().await?;
        let mut listing = self.tokens().list(user).await?;
        listing.retain(|id| only.is_none_or(|only| only == id));
        Ok(listing)
    }

    /// What is known of a token, if the caller may know of it. Else it is as if there were none.
    pub(crate) async fn show(&self, id: TokenId) -> Result<TokenStatus, ApiError> {
        self.notes().about(id);
        // Their own token is shown as it is when it was renewed.
        if self.decide(&Action::Token(id, None)) == Decision::Granted {
            self.admitted().await?;
            return Ok(self.tokens().show(id).await?);
        }
        let token_status = self.tokens().show(id).await?;
        match self.decide(&Action::Token(id, owner(&token_status))) {
            Decision::Granted => self.admitted().await.map(|()| token_status),
            other => Err(refused(other)),
        }
    }

    /// Waits again for the confirmation of a token, or of its revocation.
    pub(crate) async fn confirm(&self, id: TokenId) -> Result<Committed<TokenState>, ApiError> {
        self.may(id, By::Id).await?;
        let done = self.tokens().confirm(id).await?;
        if done.outcome == TokenState::Unknown {
            return Err(ApiError::no_such_token());
        }
        Ok(done)
    }
}
