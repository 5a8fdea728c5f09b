//! The context of an operation: its deadline, and the text of its errors.

use std::time::Duration;

use redis::{RedisError, RedisResult, Value};
use token_core::{StoreError, StoreErrorKind};
use tokio::time::Instant;
use tokio::time::error::Elapsed;

use crate::script::answer::Answer;
use crate::trouble::{self, ConnectPhase};

/// An operation, its store and its deadline.
#[derive(Clone, Copy)]
pub(crate) struct OperationContext<'a> {
    doing: &'static str,
    store: &'a str,
    deadline: Duration,
    until: Instant,
    stage: ConnectPhase,
}

impl<'a> OperationContext<'a> {
    /// An operation that starts at this moment. `doing` is a verb with its object, as in "cannot …"; `store` is shown to
    /// people; `cluster` is whether the store is a cluster.
    pub(crate) fn new(doing: &'static str, store: &'a str, cluster: bool, deadline: Duration) -> Self {
        let stage = ConnectPhase::Connected { cluster };
        Self { doing, store, deadline, until: Instant::now() + deadline, stage }
    }

    /// The opening of a store, with TLS or without.
    pub(crate) fn to_connect(store: &'a str, tls: bool, deadline: Duration) -> Self {
        Self { stage: ConnectPhase::Connecting { tls }, ..Self::new("connect", store, false, deadline) }
    }

    /// Waits for a command.
    pub(crate) async fn redis<T>(self, work: impl Future<Output = RedisResult<T>>) -> Result<T, StoreError> {
        self.ended(tokio::time::timeout_at(self.until, work).await)
    }

    /// The outcome of something with this deadline.
    pub(crate) fn ended<T>(self, result: Result<RedisResult<T>, Elapsed>) -> Result<T, StoreError> {
        result.map_err(|_| self.out_of_time())?.map_err(|error| self.failed(error))
    }

    /// Parses the reply of a script.
    pub(crate) fn answer(self, result: Result<RedisResult<Value>, Elapsed>) -> Result<Answer, StoreError> {
        let value = self.ended(result)?;
        Answer::read(value).ok_or_else(|| self.not_understood())
    }

    /// The deadline.
    pub(crate) fn until(self) -> Instant {
        self.until
    }

    /// The error for an operation that did not finish by the deadline.
    pub(crate) fn out_of_time(self) -> StoreError {
        let Self { doing, store, deadline, stage, .. } = self;
        let question = stage.question();
        let message = format!("cannot {doing}: {store} did not answer within {deadline:?}; {question}");
        StoreError::new(StoreErrorKind::TimedOut, message)
    }

    /// The error for an operation that failed with this error.
    pub(crate) fn failed(self, error: RedisError) -> StoreError {
        let (kind, advice) = trouble::of(&error, self.stage);
        let message = format!("cannot {}: {} {advice}", self.doing, self.store);
        StoreError::new(kind, message).caused_by(error)
    }

    /// The error for a cause that an examination has found; the text follows the store's name.
    pub(crate) fn seen(self, kind: StoreErrorKind, seen: &str) -> StoreError {
        StoreError::new(kind, format!("cannot {}: {} {seen}", self.doing, self.store))
    }

    /// A key of another type stands in the place of `what`, whose name is `key`.
    pub(crate) fn of_another_type(self, what: &str, key: &str) -> StoreError {
        let seen = format!(
            "holds a key of another type in the place of {what}; see what wrote it (redis-cli TYPE '{key}'), and delete \
             or rename it"
        );
        self.seen(StoreErrorKind::Corrupt, &seen)
    }

    /// The error for a reply that none of our scripts gives.
    pub(crate) fn not_understood(self) -> StoreError {
        let Self { doing, store, .. } = self;
        let message = format!("cannot {doing}: {store} gave an answer that this version does not understand");
        StoreError::new(StoreErrorKind::Misconfigured, message)
    }

    /// The error for a subject whose tokens changed during each of several attempts.
    pub(crate) fn contended(self) -> StoreError {
        let message = format!("cannot {}: others keep changing this user's tokens; try again", self.doing);
        StoreError::new(StoreErrorKind::Contended, message)
    }

    /// The error for a lifetime that was over before the record could be stored.
    pub(crate) fn too_late(self) -> StoreError {
        let message =
            format!("cannot {}: the lifetime ended before {} had kept the token", self.doing, self.store);
        StoreError::new(StoreErrorKind::TimedOut, message)
    }
}
