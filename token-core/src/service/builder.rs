//! Builds a service from its parts.

use std::fmt;
use std::sync::Arc;

use super::event::EventSink;
use super::policy::IssuePolicy;
use super::{Parts, TokenService};
use crate::prefix::Prefix;
use crate::rng::{OsRandom, RandomSource};
use crate::store::TokenStore;

/// Builds a [`TokenService`]: see [`TokenService::builder`].
pub struct TokenServiceBuilder<S> {
    store: S,
    prefix: Prefix,
    parts: Parts,
}

impl<S: TokenStore> TokenServiceBuilder<S> {
    pub(super) fn new(store: S) -> Self {
        let parts = Parts { policy: Arc::new(()), events: Arc::new(()), random: Arc::new(OsRandom) };
        Self { store, prefix: Prefix::default(), parts }
    }

    /// The prefix of all tokens. Default `tok`.
    #[must_use]
    pub fn prefix(self, prefix: Prefix) -> Self {
        Self { prefix, ..self }
    }

    /// Decides which requests may be issued. Default: all.
    #[must_use]
    pub fn issue_policy(mut self, policy: impl IssuePolicy + 'static) -> Self {
        self.parts.policy = Arc::new(policy);
        self
    }

    /// Receives every change. Default: nothing is recorded.
    #[must_use]
    pub fn event_sink(mut self, events: impl EventSink + 'static) -> Self {
        self.parts.events = Arc::new(events);
        self
    }

    /// Seeds the secrets of new tokens. Default: the operating system. Only tests need another source.
    #[must_use]
    pub fn random_source(mut self, random: impl RandomSource + 'static) -> Self {
        self.parts.random = Arc::new(random);
        self
    }

    /// The service.
    #[must_use]
    pub fn build(self) -> TokenService<S> {
        TokenService::of(self.store, self.prefix, self.parts)
    }
}

/// Omits the parts, which implement no `Debug`.
impl<S: fmt::Debug> fmt::Debug for TokenServiceBuilder<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenServiceBuilder")
            .field("store", &self.store)
            .field("prefix", &self.prefix)
            .finish_non_exhaustive()
    }
}
