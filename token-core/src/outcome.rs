//! What a store knows about an id, and the outcome of a revocation.
use crate::grant::Grant;
use crate::tombstone::Tombstone;

/// What a store knows about an id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenStatus {
    /// The token is live.
    Live(Grant),
    /// The token was revoked, and its tombstone is still kept.
    Revoked(Tombstone),
    /// Never issued here, expired, or revoked longer ago than tombstones are kept.
    Unknown,
}

impl TokenStatus {
    /// A stable word for programs, metrics and logs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Live(_) => "live",
            Self::Revoked(_) => "revoked",
            Self::Unknown => "unknown",
        }
    }
}

/// What a store keeps under an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TokenState {
    /// The record of a live token.
    Live,
    /// The tombstone of a revoked one.
    Revoked,
    /// Nothing.
    Unknown,
}

impl TokenState {
    /// A stable word for programs, metrics and logs.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Revoked => "revoked",
            Self::Unknown => "unknown",
        }
    }
}

/// The outcome of a revocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RevokeOutcome {
    /// The token was live, and has been revoked.
    Revoked,
    /// The token had been revoked earlier.
    AlreadyRevoked,
    /// There is nothing to revoke: expired, or never issued here.
    Unknown,
}

impl RevokeOutcome {
    /// A stable word for programs, metrics and logs.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Revoked => "revoked",
            Self::AlreadyRevoked => "already_revoked",
            Self::Unknown => "unknown",
        }
    }
}
