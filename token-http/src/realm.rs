//! What the tokens protect, as the challenges call it.

/// What the tokens protect, for people: the `realm` of the challenges (RFC 9110 §11.5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Realm(String);

/// A text that cannot be a realm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a realm is printable ASCII without quotes and backslashes")]
pub struct RealmError;

impl std::str::FromStr for Realm {
    type Err = RealmError;

    fn from_str(text: &str) -> Result<Self, RealmError> {
        let fits = |c: char| matches!(c, ' '..='~') && !matches!(c, '"' | '\\');
        if text.chars().all(fits) { Ok(Self(text.into())) } else { Err(RealmError) }
    }
}

/// `tokens`
impl Default for Realm {
    fn default() -> Self {
        Self("tokens".into())
    }
}

impl std::fmt::Display for Realm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_realm_cannot_break_out_of_its_quotes() {
        assert!("my tokens".parse::<Realm>().is_ok());
        for text in ["a\"b", "a\\b", "a\r\nb", "Zoë"] {
            assert_eq!(text.parse::<Realm>(), Err(RealmError));
        }
    }
}
