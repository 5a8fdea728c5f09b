//! What is noted of a request while it is answered, for the access log: public ids and words of ours, and no secret.

use std::sync::{Arc, OnceLock};

use http::Extensions;
use token_core::TokenId;
use token_http::PresentedToken;

/// Notes on one request, in its extensions. Clones are of the same notes; what was noted first stays.
#[derive(Debug, Clone, Default)]
pub(crate) struct Notes {
    presented: PresentedToken,
    noted: Arc<Noted>,
}

#[derive(Debug, Default)]
struct Noted {
    about: OnceLock<TokenId>,
    reason: OnceLock<&'static str>,
}

impl Notes {
    /// Puts them into the extensions of a request, for the auth layer too.
    pub(crate) fn attach(&self, extensions: &mut Extensions) {
        extensions.insert(self.presented.clone());
        extensions.insert(self.clone());
    }

    /// The caller presented this token, whether it is valid or not.
    pub(crate) fn presented(&self, id: TokenId) {
        self.presented.note(id);
    }

    /// The caller asks about this token, or ends it.
    pub(crate) fn about(&self, id: TokenId) {
        let _ = self.noted.about.set(id);
    }

    /// The answer is no, for this reason.
    pub(crate) fn refused(&self, reason: &'static str) {
        let _ = self.noted.reason.set(reason);
    }

    pub(crate) fn token_id(&self) -> Option<TokenId> {
        self.presented.id()
    }

    pub(crate) fn about_id(&self) -> Option<TokenId> {
        self.noted.about.get().copied()
    }

    pub(crate) fn reason(&self) -> Option<&'static str> {
        self.noted.reason.get().copied()
    }
}
