//! The result of a part of the program.

use std::error::Error;

/// A result or an error. A benchmark with an error has no valid measurement, so every error ends the program.
pub(crate) type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// An error with this text.
pub(crate) fn failure(what: impl Into<String>) -> Box<dyn Error + Send + Sync> {
    what.into().into()
}
