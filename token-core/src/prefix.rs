//! The prefix of token texts.

use std::str::FromStr;

use crate::base62;

/// The part of a token text before the underscore: 1–16 characters of `0-9A-Za-z`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prefix(Box<str>);

/// A text that is not a prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a token prefix is 1 to {max} characters of 0-9, A-Z and a-z", max = Prefix::MAX_BYTES)]
pub struct PrefixError;

impl Prefix {
    /// The maximum length: the hashed part of a token then fits one block of BLAKE3.
    pub const MAX_BYTES: usize = 16;

    /// The prefix, without the underscore.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// `tok`
impl Default for Prefix {
    fn default() -> Self {
        Self("tok".into())
    }
}

impl FromStr for Prefix {
    type Err = PrefixError;

    fn from_str(text: &str) -> Result<Self, PrefixError> {
        let fits = (1..=Self::MAX_BYTES).contains(&text.len()) && base62::is_digits(text.as_bytes());
        if fits { Ok(Self(text.into())) } else { Err(PrefixError) }
    }
}
