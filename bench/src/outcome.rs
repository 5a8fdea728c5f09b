//! What a part of the program comes to.

use std::error::Error;

/// Done, or why not. A benchmark that met an error has measured nothing, so all errors end the program alike.
pub(crate) type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// What failed, in words.
pub(crate) fn failure(what: impl Into<String>) -> Box<dyn Error + Send + Sync> {
    what.into().into()
}
