//! What is given in place of a token.

use std::sync::Arc;

use token_core::spi::TokenFormat;
use token_core::{KeyRing, MalformedToken, TokenId};

use crate::open::Tokens;

/// What a text is that is no token: the id of one, or more than one. Other texts are just malformed.
pub(super) fn instead(tokens: &Tokens, text: &str) -> Option<&'static str> {
    if is_token(tokens, text) {
        return None;
    }
    if text.parse::<TokenId>().is_ok() {
        return Some("a token id, not a token: \"show\", \"revoke\" and \"confirm\" take ids as arguments");
    }
    let mut parts = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    parts.any(|part| is_token(tokens, part)).then_some(
        "more than a token: give the token alone, without quotes, \"Bearer\" or the name of a variable",
    )
}

/// Whether the text is a token, as far as this node can tell.
fn is_token(tokens: &Tokens, text: &str) -> bool {
    matches!(tokens.parse(text), Ok(_) | Err(MalformedToken::KeyVersion))
}

/// Why this node cannot tell whether the text is a token, and what to do; `None` if it can. The check characters can be
/// verified only with the key that made them, so that such a text may be a live token.
pub(super) fn missing_key(tokens: &Tokens, text: &str) -> Option<String> {
    let missing = tokens.parse(text).err().filter(|malformed| *malformed == MalformedToken::KeyVersion)?;
    let prefix = tokens.prefix().clone();
    match TokenFormat::new(prefix, Arc::new(KeyRing::public())).parse(text) {
        Ok(_) => Some(
            "the token was issued without a key file, and this node has one; leave TOKEN_KEY_FILE (--key-file) out for \
             this token"
                .into(),
        ),
        Err(MalformedToken::KeyVersion) => Some(missing.to_string()),
        Err(_) => None,
    }
}
