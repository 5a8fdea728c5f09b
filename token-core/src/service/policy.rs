//! What may be issued.

use crate::request::IssueRequest;

/// Decides which requests may be issued, over every surface and with every store.
///
/// The service asks it before it makes a token. It sees the whole request, with the issuer that the caller has set.
/// `()` allows everything.
pub trait IssuePolicy: Send + Sync {
    /// Allows the request, or says why not.
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
    /// `why` is for the caller: it says which rule the request breaks, and what to ask for instead.
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
