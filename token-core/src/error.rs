//! Failures of a store.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

/// What went wrong, in the distinctions that callers act on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StoreErrorKind {
    /// The store cannot be reached, or is not ready (loading, failing over).
    Unavailable,
    /// No answer before the deadline. A change may or may not have been made.
    TimedOut,
    /// The store refused the login: user name and password, or the client's certificate. Use another login.
    LoginRefused,
    /// The store does not permit this user the operation, or accepts no connections.
    Denied,
    /// The store has no room for another token.
    Full,
    /// The data in the store does not decode, or its seal does not match.
    Corrupt,
    /// Other callers kept changing the tokens of the same subject during the operation.
    Contended,
    /// The id cannot be issued: it belongs to another record, to a revoked token, or to another subject's partition.
    Conflict,
    /// The parent token is not live any more.
    ParentGone,
    /// The store is not configured correctly.
    Misconfigured,
}

impl StoreErrorKind {
    /// A stable word for programs, metrics and logs.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Unavailable => "unavailable",
            Self::TimedOut => "timed_out",
            Self::LoginRefused => "login_refused",
            Self::Denied => "denied",
            Self::Full => "full",
            Self::Corrupt => "corrupt",
            Self::Contended => "contended",
            Self::Conflict => "conflict",
            Self::ParentGone => "parent_gone",
            Self::Misconfigured => "misconfigured",
        }
    }
}

/// The store could not answer, or could not make the change. This is never "no", and never "yes".
///
/// `Display` is one line that says what failed, on what, and what to do next; `source` has the cause. Neither holds a
/// token or a password.
#[derive(Debug, Clone)]
pub struct StoreError {
    kind: StoreErrorKind,
    message: String,
    source: Option<Arc<dyn Error + Send + Sync>>,
}

impl StoreError {
    /// An error with a message that fits behind "error: ".
    #[must_use]
    pub fn new(kind: StoreErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), source: None }
    }

    /// An error with a message and its cause.
    #[must_use]
    pub fn caused_by(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into().into());
        self
    }

    /// The record of `id` does not decode. The token is refused; an operator should examine the record.
    #[must_use]
    pub fn corrupt(id: crate::TokenId, source: crate::spi::RecordError) -> Self {
        tracing::error!(%id, error = %source, "refused a token whose record does not decode");
        let message = format!("cannot read the record of token {id}; {}", source.advice());
        Self::new(StoreErrorKind::Corrupt, message).caused_by(source)
    }

    /// The tombstone of `id` cannot be read.
    #[must_use]
    pub fn corrupt_tombstone(id: crate::TokenId, source: crate::spi::TombstoneError) -> Self {
        Self::new(StoreErrorKind::Corrupt, format!("cannot read the tombstone of token {id}"))
            .caused_by(source)
    }

    /// Whether a stored record cannot be read. It can be revoked.
    #[must_use]
    pub fn is_of_record(&self) -> bool {
        self.source().is_some_and(|source| source.is::<crate::spi::RecordError>())
    }

    /// Whether a stored tombstone cannot be read: the token is revoked.
    #[must_use]
    pub fn is_of_tombstone(&self) -> bool {
        self.source().is_some_and(|source| source.is::<crate::spi::TombstoneError>())
    }

    /// A store has returned fewer answers than requested.
    #[must_use]
    pub(crate) fn unanswered() -> Self {
        Self::new(StoreErrorKind::Misconfigured, "cannot validate: the store left out an answer")
    }

    /// The id belongs to another record, or to a token that was revoked.
    #[must_use]
    pub fn id_taken(id: crate::TokenId) -> Self {
        let message =
            format!("cannot issue token {id}: the id is taken, or was revoked meanwhile; issue again");
        Self::new(StoreErrorKind::Conflict, message)
    }

    /// The parent of `id` was revoked meanwhile, or has expired.
    #[must_use]
    pub fn parent_gone(id: crate::TokenId) -> Self {
        let message = format!("cannot issue token {id}: the token that issues it has expired or was revoked");
        Self::new(StoreErrorKind::ParentGone, message)
    }

    /// The id, or the parent, belongs to another subject than the one of the request.
    #[must_use]
    pub fn id_of_another(id: crate::TokenId) -> Self {
        let message = format!(
            "cannot issue token {id}: its id or its parent is another user's; make a token for this one"
        );
        Self::new(StoreErrorKind::Conflict, message)
    }

    /// What went wrong, as far as callers act on it.
    #[must_use]
    pub fn kind(&self) -> StoreErrorKind {
        self.kind
    }

    /// Whether the same call may succeed a little later without any intervention.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self.kind {
            StoreErrorKind::Unavailable | StoreErrorKind::TimedOut | StoreErrorKind::Contended => true,
            StoreErrorKind::LoginRefused
            | StoreErrorKind::Denied
            | StoreErrorKind::Full
            | StoreErrorKind::Corrupt
            | StoreErrorKind::Conflict
            | StoreErrorKind::ParentGone
            | StoreErrorKind::Misconfigured => false,
        }
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for StoreError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}
