//! Which token a request presents, for logs.

use std::sync::{Arc, OnceLock};

use token_core::TokenId;

/// Which token a request presents, whether it is valid or not: for the access log of a service.
///
/// Put one into the extensions of a request before the auth layer, and keep a clone: the layer notes the public id of the
/// token there. What was noted first stays.
#[derive(Debug, Clone, Default)]
pub struct PresentedToken(Arc<OnceLock<TokenId>>);

impl PresentedToken {
    /// The id of the token; `None` if none of this deployment was presented.
    #[must_use]
    pub fn id(&self) -> Option<TokenId> {
        self.0.get().copied()
    }

    /// Notes the id of a token that the auth layer does not see.
    pub fn note(&self, id: TokenId) {
        let _ = self.0.set(id);
    }
}
