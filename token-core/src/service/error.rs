//! Why an operation that needs more than the store did not happen.

use crate::error::StoreError;
use crate::rng::RandomnessError;

use super::policy::IssueDenied;

/// Why nothing was issued, or why a service is not ready.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// The [`IssuePolicy`](super::IssuePolicy) does not allow it. The store was not asked.
    #[error(transparent)]
    Denied(#[from] IssueDenied),
    /// There are no random bytes to make a token of. The store was not asked.
    #[error(transparent)]
    Randomness(#[from] RandomnessError),
    /// The store could not be asked, or could not do it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl ServiceError {
    /// A stable word for programs, metrics and logs: `policy`, `no_randomness`, or that of the
    /// [`StoreErrorKind`](crate::StoreErrorKind::code).
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Denied(_) => "policy",
            Self::Randomness(_) => "no_randomness",
            Self::Store(error) => error.kind().code(),
        }
    }

    /// Whether the same call may succeed a little later without anybody doing anything.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Denied(_) => false,
            Self::Randomness(_) => true,
            Self::Store(error) => error.is_retryable(),
        }
    }

    /// The error of the store, if it is one.
    ///
    /// # Errors
    /// It is another one.
    pub fn into_store(self) -> Result<StoreError, Self> {
        match self {
            Self::Store(error) => Ok(error),
            other => Err(other),
        }
    }
}
