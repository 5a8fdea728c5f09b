//! The asynchronous shell: every call runs on a blocking thread, so no async worker waits for a lock or the disk.

use std::sync::Arc;

use async_trait::async_trait;
use token_core::{
    Change, Confirmation, Demand, Grant, IdempotencyKey, IssueRequest, KeyRing, Listing, Mode, Once,
    ParsedToken, Revocation, RevokeOutcome, Sighting, StoreError, StoreErrorKind, Subject, TokenId,
    TokenState, TokenStore, Validating,
};

use crate::error::Failure;
use crate::transitions::Transitions;

/// Tokens in one SQLite file, which several processes may have open at once.
///
/// A clone is another handle on the same connections. Its methods need a Tokio runtime.
#[derive(Debug, Clone)]
pub struct SqliteStore {
    pub(crate) inner: Arc<Transitions>,
}

impl SqliteStore {
    /// Runs `work` to its end, also when the future is dropped: what it does is done whole or not at all.
    async fn run<T: Send + 'static>(
        &self,
        doing: &'static str,
        work: impl FnOnce(&Transitions) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, StoreError> {
        let inner = Arc::clone(&self.inner);
        let work =
            move || work(&inner).map_err(|failure| failure.explain(doing, "database", inner.database.path()));
        match tokio::task::spawn_blocking(work).await {
            Ok(answer) => answer,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(cancelled) => {
                    let message = format!("cannot {doing}: the program is shutting down; start it again");
                    Err(StoreError::new(StoreErrorKind::Unavailable, message).caused_by(cancelled))
                }
            },
        }
    }
}

/// What a transaction did is on disk when it is committed.
pub(crate) fn on_disk<T>(outcome: T) -> Change<T> {
    Change { outcome, confirmation: Confirmation::DISK }
}

#[async_trait]
impl TokenStore for SqliteStore {
    fn keys(&self) -> &Arc<KeyRing> {
        &self.inner.keys
    }

    async fn issue(&self, id: TokenId, request: &IssueRequest) -> Result<Change<Grant>, StoreError> {
        let request = request.clone();
        self.run("issue", move |store| store.issue(id, &request)).await.map(on_disk)
    }

    async fn issue_once(
        &self,
        id: TokenId,
        request: &IssueRequest,
        key: &IdempotencyKey,
    ) -> Result<Once<Change<Grant>>, StoreError> {
        let (request, entry) = (request.clone(), key.entry(request));
        self.run("issue", move |store| store.issue_once(id, &request, entry)).await
    }

    async fn confirm(&self, id: TokenId) -> Result<Change<TokenState>, StoreError> {
        self.run("confirm", move |store| store.confirm(id)).await.map(on_disk)
    }

    fn validate<'a>(&'a self, token: ParsedToken, demand: &'a Demand, mode: Mode) -> Validating<'a> {
        let demand = demand.clone();
        Box::pin(self.run("validate", move |store| store.validate(token.id(), &demand, mode)))
    }

    async fn show(&self, id: TokenId) -> Result<Sighting, StoreError> {
        self.run("show", move |store| store.show(id)).await
    }

    async fn list(&self, subject: &Subject) -> Result<Listing, StoreError> {
        let subject = subject.clone();
        self.run("list", move |store| store.list(&subject)).await
    }

    async fn revoke(
        &self,
        id: TokenId,
        revocation: &Revocation,
    ) -> Result<Change<RevokeOutcome>, StoreError> {
        let revocation = revocation.clone();
        self.run("revoke", move |store| store.revoke(id, &revocation)).await.map(on_disk)
    }

    async fn revoke_subject(
        &self,
        subject: &Subject,
        revocation: &Revocation,
    ) -> Result<Change<Vec<TokenId>>, StoreError> {
        let (subject, revocation) = (subject.clone(), revocation.clone());
        self.run("revoke", move |store| store.revoke_subject(&subject, &revocation)).await.map(on_disk)
    }

    async fn prune(&self) -> Result<u64, StoreError> {
        self.run("prune", Transitions::prune).await
    }
}
