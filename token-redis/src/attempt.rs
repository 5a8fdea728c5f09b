//! One attempt at an operation: its deadline, and what to tell when it fails.

use std::time::Duration;

use deadpool::managed::PoolError;
use redis::{ErrorKind, RedisError, RedisResult, ServerErrorKind};
use token_core::{StoreError, StoreErrorKind};

use crate::answer::Answer;
use crate::connect::Link;
use crate::scripts::Script;

/// What is being done, on which store, and how long each step of it may take.
#[derive(Clone, Copy)]
pub(crate) struct Attempt<'a> {
    doing: &'static str,
    store: &'a str,
    deadline: Duration,
}

impl<'a> Attempt<'a> {
    /// `doing` is a verb with its object, as in "cannot …"; `store` is shown to people.
    pub(crate) fn new(doing: &'static str, store: &'a str, deadline: Duration) -> Self {
        Self { doing, store, deadline }
    }

    /// Runs a script and takes its answer apart.
    pub(crate) async fn script(
        self,
        script: &Script,
        link: &mut Link,
        keys: &[String],
        arguments: Vec<Vec<u8>>,
    ) -> Result<Answer, StoreError> {
        let value = self.redis(script.run(link, keys, arguments)).await?;
        Answer::read(value).ok_or_else(|| self.not_understood())
    }

    /// Waits for something that Redis does.
    pub(crate) async fn redis<T>(self, work: impl Future<Output = RedisResult<T>>) -> Result<T, StoreError> {
        self.in_time(work).await?.map_err(|error| self.failed(error))
    }

    /// Waits for a connection from a pool.
    pub(crate) async fn pool<T>(
        self,
        work: impl Future<Output = Result<T, PoolError<RedisError>>>,
    ) -> Result<T, StoreError> {
        self.in_time(work).await?.map_err(|error| match error {
            PoolError::Backend(error) => self.failed(error),
            other => {
                let Self { doing, store, .. } = self;
                let message =
                    format!("cannot {doing}: no connection to {store} came free in time; try again");
                StoreError::new(StoreErrorKind::TimedOut, message).caused_by(other)
            }
        })
    }

    async fn in_time<T>(self, work: impl Future<Output = T>) -> Result<T, StoreError> {
        let Self { doing, store, deadline } = self;
        tokio::time::timeout(deadline, work).await.map_err(|_| {
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
        (_, Some("OOM")) => StoreErrorKind::Full,
        (_, Some("NOREPLICAS")) => StoreErrorKind::Unavailable,
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

/// What is wrong with the store and what to do, as it follows the store's name.
fn advice(kind: StoreErrorKind, error: &RedisError) -> &'static str {
    match (kind, error.code()) {
        (StoreErrorKind::TimedOut, _) => "did not answer in time; is it running and reachable?",
        (StoreErrorKind::Denied, _) => "refused; check user name, password and the ACL of that user",
        (StoreErrorKind::Full, _) => "is out of memory; raise maxmemory or let tokens expire",
        (_, Some("NOREPLICAS")) => "has too few replicas to accept writes; check its replication",
        (StoreErrorKind::Misconfigured, _) => {
            "refused; is it a Redis >= 7.0 or Valkey, of the kind that the URL says?"
        }
        (_, _) if error.is_io_error() => "cannot be reached; is it running?",
        _ => "is not ready (loading, failing over, or losing connections); try again",
    }
}
