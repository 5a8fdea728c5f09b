//! Where a listing goes on.

use std::fmt;
use std::str::FromStr;

use token_core::{Grant, Timestamp, TokenId};

/// The place of a token in the order of every listing: by time of issue, and by id where that is the same.
///
/// A token has the same place as long as it lives, and a cursor names one whether there is (still) a token at it or not.
/// So a walk from cursor to cursor meets each token that lives all the while exactly once, whatever comes and goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Cursor {
    issued_at: Timestamp,
    id: TokenId,
}

impl Cursor {
    pub(super) fn at(grant: &Grant) -> Self {
        Self { issued_at: grant.issued_at, id: grant.id }
    }
}

/// `MILLISECONDS-ID`. Callers hand it back as it is.
impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.issued_at.as_millis(), self.id)
    }
}

/// A text that is no cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is not the next_cursor of an earlier answer")]
pub(super) struct CursorError;

impl FromStr for Cursor {
    type Err = CursorError;

    fn from_str(text: &str) -> Result<Self, CursorError> {
        let (millis, id) = text.split_once('-').ok_or(CursorError)?;
        let all_digits = millis.bytes().all(|byte| byte.is_ascii_digit());
        let millis = millis.parse().ok().filter(|_| all_digits).ok_or(CursorError)?;
        let id = id.parse().map_err(|_| CursorError)?;
        Ok(Self { issued_at: Timestamp::from_millis(millis), id })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use token_core::spi::Partition;

    use super::*;

    proptest! {
        #[test]
        fn a_cursor_reads_back_from_its_text(millis: u64, partition in 0..1024_u16, bits: u128) {
            let id = TokenId::new(Partition::new(partition).unwrap(), bits);
            let cursor = Cursor { issued_at: Timestamp::from_millis(millis), id };
            prop_assert_eq!(cursor.to_string().parse(), Ok(cursor));
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in "[0-9+-]{0,24}[0-9a-z]{0,30}|\\PC{0,60}") {
            let _ = text.parse::<Cursor>();
        }
    }
}
