//! Texts of callers: those that must be a token and nothing else, and those that must hold none.

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use crate::error::ApiError;
use crate::request::notes::Notes;
use crate::state::Sidecar;

/// Base64 of either alphabet, as far as its text is of letters, digits and underscores; with padding or without.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::URL_SAFE,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// Why a request is refused whose token has something around it, for the access log.
const NOT_BARE: &str = "token_not_bare";

impl Sidecar {
    /// Refuses a text that is empty or damaged, or holds more than a token: white space, quotes, a scheme or anything else around or
    /// within it. It would pass for a token that does not exist, though the one that is meant may be live.
    pub(crate) fn expect_bare_token(
        &self,
        name: &str,
        text: &str,
        notes: Option<&Notes>,
    ) -> Result<(), ApiError> {
        if text.is_empty() {
            return Err(ApiError::bad_request(format!("{name}: it is empty; send the token")));
        }
        let Some(held) = foreign(text).or_else(|| self.surrounding(text)) else { return Ok(()) };
        if let Some(notes) = notes {
            notes.refused(NOT_BARE);
        }
        Err(ApiError::bad_request(format!("{name}: it holds {held}; send the token alone, as it was issued")))
    }

    /// What a text of a token's characters holds beside a token.
    fn surrounding(&self, text: &str) -> Option<&'static str> {
        if self.tokens.holds_token(text) {
            return Some("more than the token");
        }
        let decoded = BASE64.decode(text).ok().and_then(|decoded| String::from_utf8(decoded).ok())?;
        let holds_token = self.tokens.recogniser().finds_token(&decoded);
        holds_token.then_some("a token in base64, as in the credentials of Basic")
    }

    /// Refuses a token in a text that is kept or logged. It is not repeated.
    pub(crate) fn expect_no_token(&self, name: &str, text: Option<&str>) -> Result<(), ApiError> {
        if text.is_some_and(|text| self.tokens.recogniser().finds_token(text)) {
            return Err(ApiError::bad_request(format!(
                "{name}: it holds a token; leave it out, and revoke that token"
            )));
        }
        Ok(())
    }
}

/// What a text holds that no token of any deployment does: a token is of the digits and letters of ASCII, and underscores.
fn foreign(text: &str) -> Option<&'static str> {
    let is_of_token = |c: char| c.is_ascii_alphanumeric() || c == '_';
    Some(match text.chars().find(|&c| !is_of_token(c))? {
        '\n' | '\r' => "a line break",
        c if c.is_whitespace() => "white space",
        '"' | '\'' | '`' => "quotes",
        '\\' => "a backslash",
        '%' => "percent-encoding, which may have been applied twice",
        c if c.is_control() => "a control character",
        c if !c.is_ascii() => "a character other than ASCII, which may be invisible",
        _ => "a character that no token has",
    })
}
