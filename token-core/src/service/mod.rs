//! Every operation on tokens: token texts on one side, a store on the other.

mod builder;
mod error;
mod event;
mod issue;
mod policy;
mod query;
mod revoke;
#[cfg(test)]
mod tests;
mod validate;

use std::fmt;
use std::sync::Arc;

pub use self::builder::TokenServiceBuilder;
pub use self::error::ServiceError;
pub use self::event::{Event, EventSink};
pub use self::issue::Issued;
pub use self::policy::{IssueDenied, IssuePolicy};
use crate::prefix::Prefix;
use crate::recogniser::Recogniser;
use crate::rng::RandomSource;
use crate::store::TokenStore;
use crate::token::{MalformedToken, ParsedToken, TokenFormat};

/// Owns every operation on tokens, over any store.
///
/// The [`IssuePolicy`] and the [`EventSink`] stand between all callers and the store. Both do nothing unless [`builder`](Self::builder) is given others.
pub struct TokenService<S> {
    store: S,
    format: TokenFormat,
    recogniser: Recogniser,
    parts: Parts,
}

/// What stands between callers and a store.
#[derive(Clone)]
struct Parts {
    policy: Arc<dyn IssuePolicy>,
    events: Arc<dyn EventSink>,
    random: Arc<dyn RandomSource>,
}

impl<S: TokenStore> TokenService<S> {
    /// Tokens that start with `prefix`, kept in `store`. Every request may be issued, and no events are recorded.
    pub fn new(store: S, prefix: Prefix) -> Self {
        Self::builder(store).prefix(prefix).build()
    }

    /// A service with other parts than the default ones.
    pub fn builder(store: S) -> TokenServiceBuilder<S> {
        TokenServiceBuilder::new(store)
    }

    /// The same service over another store: the prefix, the policy, the event sink and the source of randomness stay.
    ///
    /// Use it to put something around the store, or for another connection to the same one.
    pub fn with_store<T: TokenStore>(&self, store: T) -> TokenService<T> {
        TokenService::of(store, self.format.prefix().clone(), self.parts.clone())
    }

    fn of(store: S, prefix: Prefix, parts: Parts) -> Self {
        let recogniser = Recogniser::of(prefix.clone(), store.keys().clone());
        let format = TokenFormat::new(prefix, store.keys().clone());
        Self { store, format, recogniser, parts }
    }

    /// What all tokens of this service start with.
    pub fn prefix(&self) -> &Prefix {
        self.format.prefix()
    }

    /// Recognises a token text without asking the store.
    ///
    /// # Errors
    /// The text is no token of this deployment.
    pub fn parse(&self, text: &str) -> Result<ParsedToken, MalformedToken> {
        self.format.parse(text)
    }

    /// Recognises tokens in texts that should hold none: tokens of this deployment, and of others.
    pub fn recogniser(&self) -> &Recogniser {
        &self.recogniser
    }

    /// Whether the text holds a token of this deployment with something around it, such as white space, quotes or a
    /// scheme. A text that is a token is none.
    pub fn holds_token(&self, text: &str) -> bool {
        self.parse(text).is_err() && self.format.finds(text)
    }

    /// The store, for what only this kind of store can do. What changes tokens goes through the service.
    pub fn store(&self) -> &S {
        &self.store
    }

    /// The store, without policy and event sink.
    pub fn into_store(self) -> S {
        self.store
    }
}

/// Without the parts, which need not be shown.
impl<S: fmt::Debug> fmt::Debug for TokenService<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenService")
            .field("store", &self.store)
            .field("format", &self.format)
            .finish_non_exhaustive()
    }
}
