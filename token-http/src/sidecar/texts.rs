//! Texts of callers: those that must be a token and nothing else, and those that must hold none.

use super::Sidecar;
use super::error::ApiError;
use crate::notes::Notes;

/// Why a request is refused whose token has something around it, for the access log.
const NOT_BARE: &str = "token_not_bare";

impl Sidecar {
    /// Refuses a token with white space, quotes, a scheme or anything else around it. It would pass for one that does not
    /// exist, though it may be live.
    pub(super) fn expect_bare_token(
        &self,
        name: &str,
        text: &str,
        notes: Option<&Notes>,
    ) -> Result<(), ApiError> {
        if !self.tokens.holds_token(text) {
            return Ok(());
        }
        if let Some(notes) = notes {
            notes.refused(NOT_BARE);
        }
        Err(ApiError::bad_request(format!(
            "{name}: it holds more than the token, such as white space, quotes or a scheme; send the token alone"
        )))
    }

    /// Refuses a token in a text that is kept or logged. It is not repeated.
    pub(super) fn expect_no_token(&self, name: &str, text: Option<&str>) -> Result<(), ApiError> {
        if text.is_some_and(|text| self.tokens.recogniser().finds_token(text)) {
            return Err(ApiError::bad_request(format!(
                "{name}: it holds a token; leave it out, and revoke that token"
            )));
        }
        Ok(())
    }
}
