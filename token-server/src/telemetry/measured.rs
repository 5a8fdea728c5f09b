//! A store that counts, times and traces what it is asked and what it answers.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use metrics::{Counter, Histogram, counter, histogram};
use token_core::spi::{TokenStore, Validating};
use token_core::{
    Committed, Grant, IdempotencyKey, IssueRequest, KeyRing, Listing, Mode, Once, ParsedToken, Requirement,
    Revocation, RevokeOutcome, StoreError, Subject, TokenId, TokenState, TokenStatus, Verdict,
};
use tracing::Instrument;

use super::trace;

/// A store behind counters:
///
/// | metric | labels |
/// |---|---|
/// | `token_validations_total` | `outcome`: `active`, or the reason why not |
/// | `token_renewals_total` | uses of sliding tokens; a store that answers by itself for a while does not renew at each |
/// | `token_store_seconds` | `operation`; that of `/readyz` and of the health service is `probe`, and no validation |
/// | `token_store_errors_total` | `operation`, `kind` |
pub(crate) struct Measured<S> {
    store: S,
    often: OnceLock<Often>,
}

/// What is counted at nearly every request: looking it up by its name costs more than counting.
struct Often {
    seconds: Histogram,
    active: Counter,
    renewals: Counter,
}

impl<S> Measured<S> {
    /// Counts from now on, with the recorder that is installed when it is first asked.
    pub(crate) fn new(store: S) -> Self {
        Self { store, often: OnceLock::new() }
    }

    fn often(&self) -> &Often {
        self.often.get_or_init(|| Often {
            seconds: histogram!("token_store_seconds", "operation" => "validate"),
            active: counter!("token_validations_total", "outcome" => "active"),
            renewals: counter!("token_renewals_total"),
        })
    }

    fn count(&self, verdict: &Verdict, mode: Mode) {
        let Verdict::Active(grant) = verdict else {
            return counter!("token_validations_total", "outcome" => word(verdict)).increment(1);
        };
        self.often().active.increment(1);
        if mode == Mode::Use && grant.deadlines.window().is_some() {
            self.often().renewals.increment(1);
        }
    }
}

impl<S: TokenStore> Measured<S> {
    /// Waits for an operation of the store, about this token if it is about one; `outcome` says what came of it in a word.
    async fn measure<T>(
        &self,
        operation: &'static str,
        token_id: Option<TokenId>,
        work: impl Future<Output = Result<T, StoreError>> + Send,
        outcome: impl Fn(&T) -> &'static str + Send,
    ) -> Result<T, StoreError> {
        let began = Instant::now();
        let span = trace::store(operation, token_id);
        let result = work.instrument(span.clone()).await;
        match operation {
            "validate" => self.often().seconds.record(began.elapsed()),
            _ => histogram!("token_store_seconds", "operation" => operation).record(began.elapsed()),
        }
        trace::came_of_it(&span, result.as_ref().map(outcome));
        if let Err(error) = &result {
            count_error(operation, error);
        }
        result
    }
}

fn count_error(operation: &'static str, error: &StoreError) {
    let kind = error.kind().code();
    counter!("token_store_errors_total", "operation" => operation, "kind" => kind).increment(1);
}

fn word(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Active(_) => "active",
        Verdict::Inactive(reason) => reason.code(),
    }
}

#[async_trait]
impl<S: TokenStore> TokenStore for Measured<S> {
    fn keys(&self) -> &Arc<KeyRing> {
        self.store.keys()
    }

    async fn issue(&self, id: TokenId, request: &IssueRequest) -> Result<Committed<Grant>, StoreError> {
        self.measure("issue", Some(id), self.store.issue(id, request), |_| "issued").await
    }

    async fn issue_once(
        &self,
        id: TokenId,
        request: &IssueRequest,
        key: &IdempotencyKey,
    ) -> Result<Once<Committed<Grant>>, StoreError> {
        self.measure("issue", None, self.store.issue_once(id, request, key), |once| match once {
            Once::Issued(_) => "issued",
            Once::Repeated(_) => "repeated",
            Once::Mismatched => "mismatched",
        })
        .await
    }

    async fn confirm(&self, id: TokenId) -> Result<Committed<TokenState>, StoreError> {
        self.measure("confirm", Some(id), self.store.confirm(id), |done| done.outcome.code()).await
    }

    fn validate<'a>(
        &'a self,
        token: ParsedToken,
        requirement: &'a Requirement,
        mode: Mode,
    ) -> Validating<'a> {
        Box::pin(async move {
            let work = self.store.validate(token, requirement, mode);
            let verdict = self.measure("validate", Some(token.id()), work, word).await?;
            self.count(&verdict, mode);
            Ok(verdict)
        })
    }

    async fn renew(&self, token: ParsedToken, requirement: &Requirement) -> Result<Verdict, StoreError> {
        let verdict =
            self.measure("renew", Some(token.id()), self.store.renew(token, requirement), word).await?;
        if verdict.grant().is_some_and(|grant| grant.deadlines.window().is_some()) {
            self.often().renewals.increment(1);
        }
        Ok(verdict)
    }

    async fn probe(&self, nonexistent: ParsedToken) -> Result<(), StoreError> {
        self.measure("probe", None, self.store.probe(nonexistent), |()| "answered").await
    }

    fn validates_within(&self) -> Option<Duration> {
        self.store.validates_within()
    }

    async fn validate_many(
        &self,
        tokens: &[(ParsedToken, Requirement)],
        mode: Mode,
    ) -> Vec<Result<Verdict, StoreError>> {
        let began = Instant::now();
        let verdicts = self.store.validate_many(tokens, mode).await;
        histogram!("token_store_seconds", "operation" => "validate_many").record(began.elapsed());
        for verdict in &verdicts {
            match verdict {
                Ok(verdict) => self.count(verdict, mode),
                Err(error) => count_error("validate_many", error),
            }
        }
        verdicts
    }

    async fn show(&self, id: TokenId) -> Result<TokenStatus, StoreError> {
        self.measure("show", Some(id), self.store.show(id), TokenStatus::code).await
    }

    async fn list(&self, subject: &Subject) -> Result<Listing, StoreError> {
        self.measure("list", None, self.store.list(subject), |_| "listed").await
    }

    async fn revoke(
        &self,
        id: TokenId,
        revocation: &Revocation,
    ) -> Result<Committed<RevokeOutcome>, StoreError> {
        self.measure("revoke", Some(id), self.store.revoke(id, revocation), |done| done.outcome.code()).await
    }

    async fn revoke_subject(
        &self,
        subject: &Subject,
        revocation: &Revocation,
    ) -> Result<Committed<Vec<TokenId>>, StoreError> {
        let work = self.store.revoke_subject(subject, revocation);
        self.measure("revoke_subject", None, work, |_| "revoked").await
    }

    async fn prune(&self) -> Result<u64, StoreError> {
        self.measure("prune", None, self.store.prune(), |_| "pruned").await
    }

    async fn keeps_changes(&self) -> Result<(), StoreError> {
        self.store.keeps_changes().await
    }
}

impl<S: fmt::Debug> fmt::Debug for Measured<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Measured").field(&self.store).finish()
    }
}
