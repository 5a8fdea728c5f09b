//! Subjects, issuers and labels: names that people choose.
//!
//! A name is 1–255 bytes of UTF-8 without control characters and is otherwise opaque: nothing is folded, trimmed or
//! normalised, and two names are equal if their bytes are. Names are shared, not copied: a clone is cheap.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// The maximum length of a name in bytes.
pub const MAX_NAME_BYTES: usize = 255;

/// Why a text is not a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// The text is empty.
    #[error("it is empty; give 1 to {MAX_NAME_BYTES} bytes of UTF-8")]
    Empty,
    /// The text is longer than [`MAX_NAME_BYTES`].
    #[error("it is {0} bytes long; give 1 to {MAX_NAME_BYTES} bytes of UTF-8")]
    TooLong(usize),
    /// The text contains a control character (Unicode category Cc).
    #[error("it holds the control character U+{:04X}, which is not allowed; leave it out", u32::from(*.0))]
    ControlCharacter(char),
}

fn check(text: &str) -> Result<(), NameError> {
    if text.is_empty() {
        return Err(NameError::Empty);
    }
    if text.len() > MAX_NAME_BYTES {
        return Err(NameError::TooLong(text.len()));
    }
    match text.chars().find(|c| c.is_control()) {
        Some(found) => Err(NameError::ControlCharacter(found)),
        None => Ok(()),
    }
}

macro_rules! name {
    ($(#[$docs:meta])* $name:ident) => {
        $(#[$docs])*
        ///
        /// 1–255 bytes of UTF-8 without control characters, compared byte for byte.
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The name as it was given.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = NameError;

            fn from_str(text: &str) -> Result<Self, NameError> {
                check(text).map(|()| Self(text.into()))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name! {
    /// The user a token speaks for.
    Subject
}
name! {
    /// Who issued or revoked a token. It is only recorded, and grants nothing.
    Actor
}
name! {
    /// A remark for people: what a token is for, or why it was revoked.
    Label
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_keeps_its_bytes_as_they_are() {
        for text in ["admin", " a b ", "Zoë", "Zoe\u{308}", "管理者", "{}:*'\"$", &"x".repeat(255)] {
            assert_eq!(text.parse::<Subject>().unwrap().as_str(), text);
        }
    }

    #[test]
    fn empty_long_and_control_characters_are_refused() {
        assert_eq!("".parse::<Subject>(), Err(NameError::Empty));
        assert_eq!("x".repeat(256).parse::<Subject>(), Err(NameError::TooLong(256)));
        assert_eq!("é".repeat(128).parse::<Subject>(), Err(NameError::TooLong(256)));
        for c in ['\0', '\n', '\r', '\t', '\u{7f}', '\u{85}'] {
            assert_eq!(format!("a{c}b").parse::<Label>(), Err(NameError::ControlCharacter(c)));
        }
    }
}
