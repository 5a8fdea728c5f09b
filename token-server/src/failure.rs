//! What keeps the server from its work.

use std::error::Error;
use std::fmt;
use std::io;

use token_core::StoreError;

/// What keeps the server from starting, from going on, or from a reload.
#[derive(Debug)]
pub enum Failure {
    /// The settings cannot be used as they are; the sentence says what to give instead.
    Usage(String),
    /// The store could not be asked.
    Store(StoreError),
    /// The operating system did not do its part.
    System {
        /// What failed.
        what: String,
        /// Why.
        source: io::Error,
    },
}

impl Failure {
    pub(crate) fn usage(sentence: impl Into<String>) -> Self {
        Self::Usage(sentence.into())
    }

    pub(crate) fn system(source: io::Error) -> Self {
        Self::System { what: "the operating system refused".into(), source }
    }

    /// What failed, then each cause that adds something, as one line for a log.
    pub(crate) fn line(&self) -> String {
        let mut line = self.to_string();
        let mut cause = self.source();
        while let Some(error) = cause {
            let text = error.to_string();
            if !line.ends_with(&text) {
                line.push_str(&format!(": {text}"));
            }
            cause = error.source();
        }
        line
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(sentence) | Self::System { what: sentence, .. } => f.write_str(sentence),
            Self::Store(error) => error.fmt(f),
        }
    }
}

impl Error for Failure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Usage(_) => None,
            Self::Store(error) => error.source(),
            Self::System { source, .. } => Some(source),
        }
    }
}
