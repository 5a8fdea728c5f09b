//! Every operation on tokens, from token texts to a store.

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

/// Provides every operation on tokens, with any store.
///
/// The [`IssuePolicy`] and the [`EventSink`] are between all callers and the store. The defaults allow everything and record
/// nothing; set others with the [`builder`](Self::builder).
pub struct TokenService<S> {
    store: S,
    format: TokenFormat,
    recogniser: Recogniser,
    parts: Parts,
}

/// The parts between callers and a store.
#[derive(Clone)]
struct Parts {
    policy: Arc<dyn IssuePolicy>,
    events: Arc<dyn EventSink>,
    random: Arc<dyn RandomSource>,
}

impl<S: TokenStore> TokenService<S> {
    /// A service for tokens that start with `prefix`, kept in `store`. It allows every request, and records no events.
    pub fn new(store: S, prefix: Prefix) -> Self {
        Self::builder(store).prefix(prefix).build()
    }

    /// Builds a service with other parts than the default ones.
    pub fn builder(store: S) -> TokenServiceBuilder<S> {
        TokenServiceBuilder::new(store)
    }

    /// The same service with another store: the prefix, the policy, the event sink and the source of randomness stay.
    ///
    /// Use it to wrap the store, or for another connection to the same store.
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
    /// The text is not a token of this deployment.
    pub fn parse(&self, text: &str) -> Result<ParsedToken, MalformedToken> {
        self.format.parse(text)
    }

    /// Recognises tokens of this and of other deployments in texts that should not contain one.
    pub fn recogniser(&self) -> &Recogniser {
        &self.recogniser
    }

    /// Whether the text contains a token of this deployment together with other characters, such as white space, quotes or
    /// a scheme. False for a text that is exactly a token.
    pub fn holds_token(&self, text: &str) -> bool {
        self.parse(text).is_err() && self.format.finds(text)
    }

    /// The store, for operations that only this kind of store has. Change tokens through the service only.
    pub fn store(&self) -> &S {
        &self.store
    }

    /// The store, without policy and event sink.
    pub fn into_store(self) -> S {
        self.store
    }
}

/// Omits the parts, which implement no `Debug`.
impl<S: fmt::Debug> fmt::Debug for TokenService<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenService")
            .field("store", &self.store)
            .field("format", &self.format)
            .finish_non_exhaustive()
    }
}
