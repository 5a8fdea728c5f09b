//! One attempt at an operation: its deadline, and what to tell when it fails.

use std::time::Duration;

use redis::{ErrorKind, RedisError, RedisResult, ServerErrorKind, Value};
use token_core::{StoreError, StoreErrorKind};
use tokio::time::Instant;

use crate::answer::Answer;

/// What is being done, on which store, and until when.
#[derive(Clone, Copy)]
pub(crate) struct Attempt<'a> {
    doing: &'static str,
    store: &'a str,
    deadline: Duration,
    until: Instant,
}

impl<'a> Attempt<'a> {
    /// Begins now. `doing` is a verb with its object, as in "cannot …"; `store` is shown to people.
    pub(crate) fn new(doing: &'static str, store: &'a str, deadline: Duration) -> Self {
        Self { doing, store, deadline, until: Instant::now() + deadline }
    }

    /// Waits for something that Redis does.
    pub(crate) async fn redis<T>(self, work: impl Future<Output = RedisResult<T>>) -> Result<T, StoreError> {
        self.in_time(work).await?.map_err(|error| self.failed(error))
    }

    /// Waits for a script and takes its answer apart.
    pub(crate) async fn answer(
        self,
        work: impl Future<Output = RedisResult<Value>>,
    ) -> Result<Answer, StoreError> {
        let value = self.redis(work).await?;
        Answer::read(value).ok_or_else(|| self.not_understood())
    }

    async fn in_time<T>(self, work: impl Future<Output = T>) -> Result<T, StoreError> {
        let Self { doing, store, deadline, until } = self;
        tokio::time::timeout_at(until, work).await.map_err(|_| {
            let message = format!(
                "cannot {doing}: {store} did not answer within {deadline:?}; is it running and reachable?"
            );
            StoreError::new(StoreErrorKind::TimedOut, message)
        })
    }

    fn failed(self, error: RedisError) -> StoreError {
        let kind = kind_of(&error);
        let message = format!("cannot {}: {} {}", self.doing, self.store, advice(kind, &error));
        StoreError::new(kind, message).caused_by(error)
    }

    /// The answer is none that a script of ours gives.
    pub(crate) fn not_understood(self) -> StoreError {
        let Self { doing, store, .. } = self;
        let message = format!("cannot {doing}: {store} gave an answer that this version does not understand");
        StoreError::new(StoreErrorKind::Misconfigured, message)
    }

    /// A subject's tokens changed at each of several tries.
    pub(crate) fn contended(self) -> StoreError {
        let message = format!("cannot {}: others keep changing this user's tokens; try again", self.doing);
        StoreError::new(StoreErrorKind::Contended, message)
    }

    /// The lifetime was over before the record could be kept.
    pub(crate) fn too_late(self) -> StoreError {
        let message =
            format!("cannot {}: the lifetime ended before {} had kept the token", self.doing, self.store);
        StoreError::new(StoreErrorKind::TimedOut, message)
    }
}

fn kind_of(error: &RedisError) -> StoreErrorKind {
    if error.is_timeout() {
        return StoreErrorKind::TimedOut;
    }
    match (error.kind(), error.code()) {
        (ErrorKind::AuthenticationFailed, _)
        | (ErrorKind::Server(ServerErrorKind::NoPerm), _)
        | (_, Some("WRONGPASS" | "NOAUTH" | "NOPERM")) => StoreErrorKind::Denied,
        _ if is_refused_script(error) => StoreErrorKind::Denied,
        (_, Some("OOM")) => StoreErrorKind::Full,
        (_, Some("NOREPLICAS" | "MISCONF")) => StoreErrorKind::Unavailable,
        // The cluster client follows these by itself: whoever sees them asked a node of a cluster as if it stood alone.
        (ErrorKind::Server(ServerErrorKind::Moved | ServerErrorKind::Ask), _) => {
            StoreErrorKind::Misconfigured
        }
        (
            ErrorKind::InvalidClientConfig
            | ErrorKind::Client
            | ErrorKind::Parse
            | ErrorKind::UnexpectedReturnType
            | ErrorKind::RESP3NotSupported
            | ErrorKind::Server(
                ServerErrorKind::ResponseError | ServerErrorKind::CrossSlot | ServerErrorKind::ExecAbort,
            )
            | ErrorKind::Extension,
            _,
        ) => StoreErrorKind::Misconfigured,
        // Connections lost or refused, a node that loads, moves, waits for its primary, or was demoted.
        _ => StoreErrorKind::Unavailable,
    }
}

/// Before 7.2, Redis has no code of its own for what a script may not do because the user may not.
fn is_refused_script(error: &RedisError) -> bool {
    error.detail().is_some_and(|detail| detail.starts_with("The user executing the script "))
}

/// What is wrong with the store and what to do, as it follows the store's name.
fn advice(kind: StoreErrorKind, error: &RedisError) -> &'static str {
    match (kind, error.code()) {
        (StoreErrorKind::TimedOut, _) => "did not answer in time; is it running and reachable?",
        (StoreErrorKind::Denied, _) => "refused; check user name, password and the ACL of that user",
        (StoreErrorKind::Full, _) => "is out of memory; raise maxmemory or let tokens expire",
        (_, Some("NOREPLICAS")) => "has too few replicas to accept writes; check its replication",
        (_, Some("MISCONF")) => "cannot save to its disk and takes no writes; look at its log and its disk",
        (_, Some("MOVED" | "ASK")) => "is a node of a cluster; write redis-cluster:// instead of redis://",
        (_, Some("READONLY")) => "is a replica, which takes no writes; name its primary",
        (StoreErrorKind::Misconfigured, _) => {
            "refused; is it a Redis >= 7.0 or Valkey, of the kind that the URL says?"
        }
        (_, _) if error.is_io_error() => "cannot be reached; is it running?",
        _ => "is not ready (loading, failing over, or losing connections); try again",
    }
}
