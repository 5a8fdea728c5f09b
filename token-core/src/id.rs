//! The public handle of a token.

use std::fmt;
use std::str::FromStr;

use crate::partition::Partition;

/// A token's public handle: its partition and 128 bits of a keyed hash of its text.
///
/// It names the token's record, is safe to log and to show, and gives no access: validation takes a
/// [`ParsedToken`](crate::ParsedToken), which only the text of the token yields.
///
/// Written as 28 characters: two of base62 for the partition, 26 of Crockford's base32 in lower case.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TokenId {
    partition: Partition,
    bits: u128,
}

/// Crockford's base32 alphabet in lower case: no `i`, `l`, `o` or `u` to misread.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const DIGITS: usize = 26;

impl TokenId {
    /// How long an id is as text.
    pub const TEXT_LENGTH: usize = 2 + DIGITS;

    /// The id made of these parts.
    #[must_use]
    pub fn new(partition: Partition, bits: u128) -> Self {
        Self { partition, bits }
    }

    /// The partition of the token and of all other keys of its subject.
    #[must_use]
    pub fn partition(self) -> Partition {
        self.partition
    }

    /// The 128 bits.
    #[must_use]
    pub fn bits(self) -> u128 {
        self.bits
    }

    /// The 28 characters, all ASCII, without an allocation.
    #[must_use]
    pub fn text(self) -> [u8; Self::TEXT_LENGTH] {
        let mut text = [0; Self::TEXT_LENGTH];
        let mut rest = self.bits;
        for place in text.iter_mut().rev().take(DIGITS) {
            #[expect(clippy::indexing_slicing, reason = "five bits are below 32")]
            {
                *place = ALPHABET[(rest & 31) as usize];
            }
            rest >>= 5;
        }
        let [first, second, ..] = &mut text;
        [*first, *second] = self.partition.text();
        text
    }
}

impl fmt::Display for TokenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.text();
        // `pad` applies the width of a table column; the text is ASCII by construction.
        f.pad(std::str::from_utf8(&text).map_err(|_| fmt::Error)?)
    }
}

impl fmt::Debug for TokenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokenId({self})")
    }
}

/// Why a text is not a token id. It never repeats the text, which may be a token that was given by mistake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TokenIdError {
    /// The text has the wrong number of bytes.
    #[error("a token id has {expected} characters, this text has {0}", expected = TokenId::TEXT_LENGTH)]
    Length(usize),
    /// The first two characters are not a partition.
    #[error("the first two characters of a token id name a partition, and these do not")]
    Partition,
    /// A character after the partition is not in the alphabet, or the number is larger than 128 bits.
    #[error("the last 26 characters of a token id are of 0-9 and a-z without i, l, o and u")]
    Digits,
}

impl FromStr for TokenId {
    type Err = TokenIdError;

    fn from_str(text: &str) -> Result<Self, TokenIdError> {
        let (partition, digits) =
            text.as_bytes().split_first_chunk().ok_or(TokenIdError::Length(text.len()))?;
        if digits.len() != DIGITS {
            return Err(TokenIdError::Length(text.len()));
        }
        let partition = Partition::parse(*partition).ok_or(TokenIdError::Partition)?;
        let bits = digits.iter().try_fold(0_u128, |bits, byte| {
            let digit = ALPHABET.iter().position(|known| known == byte)?;
            (bits >> 123 == 0).then_some(bits << 5 | digit as u128)
        });
        Ok(Self { partition, bits: bits.ok_or(TokenIdError::Digits)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn an_id_reads_back_from_its_text(number in 0_u16..1024, bits: u128) {
            let id = TokenId::new(Partition::new(number).unwrap(), bits);
            prop_assert_eq!(id.to_string().parse(), Ok(id));
        }

        #[test]
        fn a_text_that_parses_is_the_only_text_of_its_id(text in "[0-9A-Za-z]{28}|\\PC{0,40}") {
            if let Ok(id) = text.parse::<TokenId>() {
                prop_assert_eq!(id.to_string(), text);
            }
        }
    }

    #[test]
    fn numbers_beyond_128_bits_are_refused() {
        assert_eq!("008zzzzzzzzzzzzzzzzzzzzzzzzz".parse::<TokenId>(), Err(TokenIdError::Digits));
        assert_eq!("007zzzzzzzzzzzzzzzzzzzzzzzzz".parse::<TokenId>().unwrap().bits(), u128::MAX);
    }
}
