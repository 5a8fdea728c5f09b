//! What is noted of a request while it is answered, for the access log: public ids and words of ours, and no secret.

use std::sync::{Arc, OnceLock};

use token_core::TokenId;

/// Notes on one request, in its extensions. Clones are of the same notes; what was noted first stays.
#[derive(Debug, Clone, Default)]
pub(crate) struct Notes(Arc<Noted>);

#[derive(Debug, Default)]
struct Noted {
    presented: OnceLock<TokenId>,
    about: OnceLock<TokenId>,
    reason: OnceLock<&'static str>,
}

impl Notes {
    /// The caller presented this token, whether it is valid or not.
    pub(crate) fn presented(&self, id: TokenId) {
        let _ = self.0.presented.set(id);
    }

    /// The caller asks about this token, or ends it.
    pub(crate) fn about(&self, id: TokenId) {
        let _ = self.0.about.set(id);
    }

    /// The answer is no, for this reason.
    pub(crate) fn refused(&self, reason: &'static str) {
        let _ = self.0.reason.set(reason);
    }

    pub(crate) fn token_id(&self) -> Option<TokenId> {
        self.0.presented.get().copied()
    }

    pub(crate) fn about_id(&self) -> Option<TokenId> {
        self.0.about.get().copied()
    }

    pub(crate) fn reason(&self) -> Option<&'static str> {
        self.0.reason.get().copied()
    }
}
