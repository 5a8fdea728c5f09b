//! Errors of operations that need more than the store.

use crate::error::StoreError;
use crate::rng::RandomnessError;

use super::policy::IssueDenied;

/// Why nothing was issued, or why a service is not ready.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// The [`IssuePolicy`](super::IssuePolicy) does not allow the request. The store was not asked.
    #[error(transparent)]
    Denied(#[from] IssueDenied),
    /// No random bytes are available to make a token. The store was not asked.
    #[error(transparent)]
    Randomness(#[from] RandomnessError),
    /// The store could not be asked, or could not make the change.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl ServiceError {
    /// A stable word for programs, metrics and logs: `policy`, `no_randomness`, or the word of the
    /// [`StoreErrorKind`](crate::StoreErrorKind::code).
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Denied(_) => "policy",
            Self::Randomness(_) => "no_randomness",
            Self::Store(error) => error.kind().code(),
        }
    }

    /// Whether the same call may succeed a little later without any intervention.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Denied(_) => false,
            Self::Randomness(_) => true,
            Self::Store(error) => error.is_retryable(),
        }
    }

    /// The error of the store, if this is one.
    ///
    /// # Errors
    /// This is another error.
    pub fn into_store(self) -> Result<StoreError, Self> {
        match self {
            Self::Store(error) => Ok(error),
            other => Err(other),
        }
    }
}
