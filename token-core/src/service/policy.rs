//! The policy of what may be issued.

use crate::request::IssueRequest;

/// Decides which requests may be issued, for every interface and every store.
///
/// The service calls it before it makes a token. It sees the whole request, with the issuer that the caller has set.
/// `()` allows everything.
pub trait IssuePolicy: Send + Sync {
    /// Allows the request, or returns the reason for the refusal.
    ///
    /// # Errors
    /// The request must not be issued.
    fn check(&self, request: &IssueRequest) -> Result<(), IssueDenied>;
}

/// A request that a policy does not allow.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("nothing was issued: {0}")]
pub struct IssueDenied(String);

impl IssueDenied {
    /// `why` is for the caller: it says which rule the request breaks, and what to request instead.
    #[must_use]
    pub fn new(why: impl Into<String>) -> Self {
        Self(why.into())
    }
}

/// Allows everything.
impl IssuePolicy for () {
    fn check(&self, _: &IssueRequest) -> Result<(), IssueDenied> {
        Ok(())
    }
}
