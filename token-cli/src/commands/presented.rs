//! What is given in place of a token.

use token_core::TokenId;

use crate::open::Tokens;

/// What a text is that is no token: the id of one, or more than one. Other texts are just malformed.
pub(super) fn instead(tokens: &Tokens, text: &str) -> Option<&'static str> {
    if tokens.parse(text).is_ok() {
        return None;
    }
    if text.parse::<TokenId>().is_ok() {
        return Some("a token id, not a token: \"show\", \"revoke\" and \"confirm\" take ids as arguments");
    }
    let mut parts = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    parts.any(|part| tokens.parse(part).is_ok()).then_some(
        "more than a token: give the token alone, without quotes, \"Bearer\" or the name of a variable",
    )
}
