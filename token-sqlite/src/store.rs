//! The asynchronous interface: every call runs on a blocking thread, so no async worker waits for a lock or the disk.

use std::sync::Arc;

use async_trait::async_trait;
use rusqlite::Connection;
use token_core::spi::{TokenStore, Validating};
use token_core::{
    Committed, Confirmation, Grant, IdempotencyKey, IssueRequest, KeyRing, Listing, Mode, Once, ParsedToken,
    Requirement, Revocation, RevokeOutcome, StoreError, StoreErrorKind, Subject, TokenId, TokenState,
    TokenStatus, Verdict,
};
use tokio::sync::oneshot;
use tokio::task::JoinError;

use crate::database::Durability;
use crate::error::Failure;
use crate::transitions::{CLEARED_AT_ONCE, Transitions};
use crate::writing::{Answer, Pending, QueuedChange};

/// Tokens in one SQLite file, which several processes may have open at once.
///
/// A clone is another handle to the same connections. Its methods need a Tokio runtime.
#[derive(Debug, Clone)]
pub struct SqliteStore {
    pub(crate) inner: Arc<Transitions>,
}

impl SqliteStore {
    /// Runs `look` to its end, even if the future is dropped.
    async fn read<T: Send + 'static>(
        &self,
        doing: &'static str,
        look: impl FnOnce(&Transitions) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, StoreError> {
        // No other thread answers, so the caller waits for this one.
        self.run(doing, move |store, answer| drop(answer.send(look(store)))).await
    }

    /// Writes a change to the disk, even if the future is dropped: the change is made completely or not at all.
    async fn write<T: Send + 'static>(
        &self,
        doing: &'static str,
        mut change: impl FnMut(&Transitions, &Connection) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, StoreError> {
        let work = move |store: &Transitions, db: &Connection| change(store, db);
        let submit = move |store: &Transitions, answer| {
            let change: Box<dyn QueuedChange> = Pending::new(Durability::Disk, answer, work);
            store.submit([change]);
        };
        self.run(doing, submit).await
    }

    /// Runs `work` on a thread that may block. `work` answers itself, or leaves that to another thread.
    async fn run<T: Send + 'static>(
        &self,
        doing: &'static str,
        work: impl FnOnce(&Transitions, Answer<T>) + Send + 'static,
    ) -> Result<T, StoreError> {
        let (inner, (answer, answered)) = (Arc::clone(&self.inner), oneshot::channel());
        let thread = tokio::task::spawn_blocking(move || work(&inner, answer));
        match answered.await {
            Ok(answer) => self.explain(doing, answer),
            Err(_) => Err(broken_off(doing, thread.await)),
        }
    }

    fn explain<T>(&self, doing: &str, answer: Result<T, Failure>) -> Result<T, StoreError> {
        answer.map_err(|failure| failure.explain(doing, "database", self.inner.database.path()))
    }
}

/// Why there is no answer. A panic of the answering thread is resumed.
fn broken_off(doing: &str, thread: Result<(), JoinError>) -> StoreError {
    let unavailable = |why| StoreError::new(StoreErrorKind::Unavailable, format!("cannot {doing}: {why}"));
    match thread.map_err(JoinError::try_into_panic) {
        Ok(()) => unavailable("another call failed that was to write this change too; try again"),
        Err(Ok(panic)) => std::panic::resume_unwind(panic),
        Err(Err(cancelled)) => {
            unavailable("the program is shutting down; start it again").caused_by(cancelled)
        }
    }
}

/// The result of a transaction, which is on the disk when it is committed.
pub(crate) fn on_disk<T>(outcome: T) -> Committed<T> {
    Committed { outcome, confirmation: Confirmation::DISK }
}

#[async_trait]
impl TokenStore for SqliteStore {
    fn keys(&self) -> &Arc<KeyRing> {
        &self.inner.keys
    }

    async fn issue(&self, id: TokenId, request: &IssueRequest) -> Result<Committed<Grant>, StoreError> {
        let request = request.clone();
        self.write("issue", move |store, db| store.issue(db, id, &request)).await.map(on_disk)
    }

    async fn issue_once(
        &self,
        id: TokenId,
        request: &IssueRequest,
        key: &IdempotencyKey,
    ) -> Result<Once<Committed<Grant>>, StoreError> {
        let (request, entry) = (request.clone(), key.entry(request));
        self.write("issue", move |store, db| store.issue_once(db, id, &request, &entry)).await
    }

    async fn confirm(&self, id: TokenId) -> Result<Committed<TokenState>, StoreError> {
        self.read("confirm", move |store| store.confirm(id)).await.map(on_disk)
    }

    fn validate<'a>(
        &'a self,
        token: ParsedToken,
        requirement: &'a Requirement,
        mode: Mode,
    ) -> Validating<'a> {
        let requirement = requirement.clone();
        let work = move |store: &Transitions, answer| {
            if let Some(renewal) = store.validate(token.id(), requirement, mode, answer) {
                store.submit([renewal]);
            }
        };
        Box::pin(self.run("validate", work))
    }

    /// Writes all renewals together.
    async fn validate_many(
        &self,
        tokens: &[(ParsedToken, Requirement)],
        mode: Mode,
    ) -> Vec<Result<Verdict, StoreError>> {
        let (inner, asked) = (Arc::clone(&self.inner), tokens.to_vec());
        let (answers, answered): (Vec<_>, Vec<_>) = asked.iter().map(|_| oneshot::channel()).unzip();
        let thread = tokio::task::spawn_blocking(move || {
            let validate = |((token, requirement), answer): ((ParsedToken, Requirement), _)| {
                inner.validate(token.id(), requirement, mode, answer)
            };
            let renewals: Vec<_> = asked.into_iter().zip(answers).filter_map(validate).collect();
            if !renewals.is_empty() {
                inner.submit(renewals);
            }
        });
        let mut verdicts = Vec::with_capacity(answered.len());
        for answered in answered {
            verdicts.push(answered.await.map(|answer| self.explain("validate", answer)));
        }
        if verdicts.iter().all(Result::is_ok) {
            return verdicts.into_iter().flatten().collect();
        }
        let why = broken_off("validate", thread.await);
        verdicts.into_iter().map(|verdict| verdict.unwrap_or_else(|_| Err(why.clone()))).collect()
    }

    async fn show(&self, id: TokenId) -> Result<TokenStatus, StoreError> {
        self.read("show", move |store| store.show(id)).await
    }

    async fn list(&self, subject: &Subject) -> Result<Listing, StoreError> {
        let subject = subject.clone();
        self.read("list", move |store| store.list(&subject)).await
    }

    async fn revoke(
        &self,
        id: TokenId,
        revocation: &Revocation,
    ) -> Result<Committed<RevokeOutcome>, StoreError> {
        let revocation = revocation.clone();
        self.write("revoke", move |store, db| store.revoke(db, id, &revocation)).await.map(on_disk)
    }

    async fn revoke_subject(
        &self,
        subject: &Subject,
        revocation: &Revocation,
    ) -> Result<Committed<Vec<TokenId>>, StoreError> {
        let (subject, revocation) = (subject.clone(), revocation.clone());
        self.write("revoke", move |store, db| store.revoke_subject(db, &subject, &revocation))
            .await
            .map(on_disk)
    }

    async fn prune(&self) -> Result<u64, StoreError> {
        let mut total = 0;
        loop {
            let cleared = self.write("prune", Transitions::prune).await?;
            total += cleared;
            if cleared < u64::from(CLEARED_AT_ONCE) {
                return Ok(total);
            }
        }
    }

    /// Writes a page, unless a write has succeeded within the last seconds.
    async fn keeps_changes(&self) -> Result<(), StoreError> {
        self.read("write", Transitions::check_place).await?;
        if self.inner.database.has_written_lately() {
            return Ok(());
        }
        let submit = |store: &Transitions, answer| {
            let change: Box<dyn QueuedChange> =
                Pending::new(Durability::Seen, answer, Transitions::write_page);
            store.submit([change]);
        };
        self.run("write", submit).await
    }
}
