//! A store that counts what it is asked and what it answers.

use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use metrics::{counter, histogram};
use token_core::{
    Change, Demand, Grant, IssueRequest, KeyRing, Mode, ParsedToken, Revocation, RevokeOutcome, Sighting,
    StoreError, Subject, TokenId, TokenStore, Verdict,
};

/// A store behind counters:
///
/// | metric | labels |
/// |---|---|
/// | `token_validations_total` | `outcome`: `active`, or the reason why not |
/// | `token_renewals_total` | |
/// | `token_store_seconds` | `operation` |
/// | `token_store_errors_total` | `operation`, `kind` |
#[derive(Debug)]
pub struct Measured<S>(pub S);

impl<S: TokenStore> Measured<S> {
    async fn measure<T>(
        &self,
        operation: &'static str,
        work: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> Result<T, StoreError> {
        let began = Instant::now();
        let result = work.await;
        histogram!("token_store_seconds", "operation" => operation).record(began.elapsed());
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

fn count(verdict: &Verdict, mode: Mode) {
    let outcome = match verdict {
        Verdict::Active(_) => "active",
        Verdict::Inactive(reason) => reason.code(),
    };
    counter!("token_validations_total", "outcome" => outcome).increment(1);
    if mode == Mode::Use && verdict.grant().is_some_and(|grant| grant.deadlines.window().is_some()) {
        counter!("token_renewals_total").increment(1);
    }
}

#[async_trait]
impl<S: TokenStore> TokenStore for Measured<S> {
    fn keys(&self) -> &Arc<KeyRing> {
        self.0.keys()
    }

    async fn issue(&self, id: TokenId, request: &IssueRequest) -> Result<Change<Grant>, StoreError> {
        self.measure("issue", self.0.issue(id, request)).await
    }

    async fn validate(&self, token: ParsedToken, demand: &Demand, mode: Mode) -> Result<Verdict, StoreError> {
        let verdict = self.measure("validate", self.0.validate(token, demand, mode)).await?;
        count(&verdict, mode);
        Ok(verdict)
    }

    async fn validate_many(
        &self,
        tokens: &[(ParsedToken, Demand)],
        mode: Mode,
    ) -> Vec<Result<Verdict, StoreError>> {
        let began = Instant::now();
        let verdicts = self.0.validate_many(tokens, mode).await;
        histogram!("token_store_seconds", "operation" => "validate_many").record(began.elapsed());
        for verdict in &verdicts {
            match verdict {
                Ok(verdict) => count(verdict, mode),
                Err(error) => count_error("validate_many", error),
            }
        }
        verdicts
    }

    async fn show(&self, id: TokenId) -> Result<Sighting, StoreError> {
        self.measure("show", self.0.show(id)).await
    }

    async fn list(&self, subject: &Subject) -> Result<Vec<Grant>, StoreError> {
        self.measure("list", self.0.list(subject)).await
    }

    async fn revoke(
        &self,
        id: TokenId,
        revocation: &Revocation,
    ) -> Result<Change<RevokeOutcome>, StoreError> {
        self.measure("revoke", self.0.revoke(id, revocation)).await
    }

    async fn revoke_subject(
        &self,
        subject: &Subject,
        revocation: &Revocation,
    ) -> Result<Change<Vec<TokenId>>, StoreError> {
        self.measure("revoke_subject", self.0.revoke_subject(subject, revocation)).await
    }

    async fn prune(&self) -> Result<u64, StoreError> {
        self.measure("prune", self.0.prune()).await
    }
}
