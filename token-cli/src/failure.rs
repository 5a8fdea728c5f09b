//! What keeps a command from answering, as it is told to people and programs.

use std::error::Error;
use std::io::{ErrorKind, Write};

use serde_json::json;
use token_core::{IssueDenied, RandomnessError, ServiceError, StoreError, StoreErrorKind};

use crate::exit::Exit;
use crate::format::Format;
use crate::layout;

/// The word for programs for [`Failure::MissingKey`]; that of records is [`token_core::spi::RecordError::code`].
pub(crate) const MISSING_KEY: &str = "missing_key";

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The request cannot be granted as it stands; the sentence says what to give instead.
    Usage(String),
    /// The policy of this deployment does not allow it.
    Denied(IssueDenied),
    /// The store could not be asked, or did not do it.
    Store(StoreError),
    /// The key file of this node lacks the key that tells whether a text is a token.
    MissingKey(String),
    /// The operating system did not do its part.
    System { what: String, source: std::io::Error },
}

impl Failure {
    pub(crate) fn usage(sentence: impl Into<String>) -> Self {
        Self::Usage(sentence.into())
    }

    /// One of two settings that go together is missing.
    pub(crate) fn half(given: &str, missing: &str) -> Self {
        Self::Usage(format!("{given} is given without {missing}: give both, or neither"))
    }

    pub(crate) fn system(source: std::io::Error) -> Self {
        Self::System { what: "the operating system refused".into(), source }
    }

    /// A file that cannot be written: another path mends it, or the system is to blame.
    pub(crate) fn file(what: String, source: std::io::Error) -> Self {
        match source.kind() {
            ErrorKind::AlreadyExists
            | ErrorKind::NotFound
            | ErrorKind::NotADirectory
            | ErrorKind::IsADirectory
            | ErrorKind::PermissionDenied
            | ErrorKind::ReadOnlyFilesystem => Self::Usage(format!("{what}: {source}")),
            _ => Self::System { what, source },
        }
    }

    pub(crate) fn randomness(error: RandomnessError) -> Self {
        Self::System { what: "cannot make a secret".into(), source: std::io::Error::other(error) }
    }

    /// The same with what else is wrong, behind its sentence.
    pub(crate) fn and(self, also: &str) -> Self {
        let both = |sentence: &dyn std::fmt::Display| format!("{sentence}; {also}");
        match self {
            Self::Usage(sentence) => Self::Usage(both(&sentence)),
            Self::Denied(denied) => Self::Denied(denied),
            Self::MissingKey(sentence) => Self::MissingKey(both(&sentence)),
            Self::System { what, source } => Self::System { what: both(&what), source },
            Self::Store(error) => {
                let with_both = StoreError::new(error.kind(), both(&error));
                Self::Store(match error.source() {
                    Some(cause) => with_both.caused_by(cause.to_string()),
                    None => with_both,
                })
            }
        }
    }

    /// Says it on standard error and answers with the exit code.
    pub(crate) fn tell(&self, format: Format) -> Exit {
        match format {
            // There is nobody left to tell when standard error is closed.
            Format::Json => drop(writeln!(std::io::stderr(), "{}", self.json())),
            Format::Human | Format::Quiet => layout::complain(&self.sentence()),
        }
        self.exit()
    }

    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Usage(_) => Exit::Usage,
            Self::Denied(_) => Exit::Negative,
            Self::Store(error) => of_store(error.kind()),
            Self::MissingKey(_) | Self::System { .. } => Exit::Store,
        }
    }

    /// What failed, then each cause that adds something.
    pub(crate) fn sentence(&self) -> String {
        let mut sentence = format!("error: {}", self.message());
        let mut cause = self.cause();
        while let Some(error) = cause {
            let text = error.to_string();
            if !sentence.ends_with(&text) {
                sentence.push_str(&format!("\n  because: {text}"));
            }
            cause = error.source();
        }
        sentence
    }

    /// The same as one line, for a log.
    pub(crate) fn line(&self) -> String {
        self.sentence().trim_start_matches("error: ").replace("\n  because: ", ": ")
    }

    fn json(&self) -> serde_json::Value {
        let (kind, retryable) = match self {
            Self::Usage(_) => ("usage", false),
            Self::Denied(_) => ("policy", false),
            Self::Store(error) => (error.kind().code(), error.is_retryable()),
            Self::MissingKey(_) => (MISSING_KEY, false),
            Self::System { .. } => ("system", false),
        };
        let cause = self.cause().map(ToString::to_string);
        json!({"error": {"kind": kind, "message": self.message(), "cause": cause, "retryable": retryable}})
    }

    fn message(&self) -> String {
        match self {
            Self::Usage(sentence) | Self::MissingKey(sentence) | Self::System { what: sentence, .. } => {
                sentence.clone()
            }
            Self::Denied(denied) => denied.to_string(),
            Self::Store(error) => error.to_string(),
        }
    }

    fn cause(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Usage(_) | Self::Denied(_) | Self::MissingKey(_) => None,
            Self::Store(error) => error.source(),
            Self::System { source, .. } => Some(source),
        }
    }
}

/// Another setting mends what is misconfigured, and another login one that is refused. What the login may not do is for
/// the operator of the store to grant.
fn of_store(kind: StoreErrorKind) -> Exit {
    match kind {
        StoreErrorKind::Misconfigured | StoreErrorKind::LoginRefused => Exit::Usage,
        _ => Exit::Store,
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<ServiceError> for Failure {
    fn from(error: ServiceError) -> Self {
        match error {
            ServiceError::Denied(denied) => Self::Denied(denied),
            ServiceError::Randomness(error) => Self::randomness(error),
            ServiceError::Store(error) => Self::Store(error),
        }
    }
}

impl From<token_server::Failure> for Failure {
    fn from(failure: token_server::Failure) -> Self {
        match failure {
            token_server::Failure::Usage(sentence) => Self::Usage(sentence),
            token_server::Failure::Store(error) => Self::Store(error),
            token_server::Failure::System { what, source } => Self::System { what, source },
        }
    }
}

impl From<Failure> for token_server::Failure {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Usage(sentence) => Self::Usage(sentence),
            Failure::Denied(denied) => Self::Usage(denied.to_string()),
            Failure::MissingKey(sentence) => Self::Usage(sentence),
            Failure::Store(error) => Self::Store(error),
            Failure::System { what, source } => Self::System { what, source },
        }
    }
}
