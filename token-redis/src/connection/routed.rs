//! Operations, and the connections that they use.

use redis::aio::ConnectionLike;
use redis::{Cmd, Pipeline, RedisError, RedisFuture, RedisResult, Value};

use super::slot_map::Primary;

/// An operation at a primary. It may be performed more than once, so it must be idempotent.
pub(crate) trait Operation<C>: Sync {
    /// The result.
    type Output: Send;

    /// Performs the operation.
    fn perform(
        &self,
        connection: &mut C,
        primary: &Primary,
    ) -> impl Future<Output = RedisResult<Self::Output>> + Send;

    /// Whether to return this error to the caller instead of trying again.
    fn ends_with(&self, _: &RedisError) -> bool {
        false
    }
}

/// A connection to the server that has a slot, or is about to get it.
pub(crate) struct Routed<C> {
    connection: C,
    /// ASKING precedes every command: the slot is being moved to this server.
    asking: bool,
}

impl<C> Routed<C> {
    pub(super) fn new(connection: C, asking: bool) -> Self {
        Self { connection, asking }
    }

    pub(super) fn into_inner(self) -> C {
        self.connection
    }
}

impl<C: ConnectionLike + Send> ConnectionLike for Routed<C> {
    fn req_packed_command<'a>(&'a mut self, command: &'a Cmd) -> RedisFuture<'a, Value> {
        if !self.asking {
            return self.connection.req_packed_command(command);
        }
        let mut both = redis::pipe();
        both.cmd("ASKING").ignore().add_command(command.clone());
        Box::pin(async move {
            let mut answers = self.connection.req_packed_commands(&both, 1, 1).await?;
            let answer = answers.pop().ok_or_else(|| {
                RedisError::from((redis::ErrorKind::UnexpectedReturnType, "no answer behind ASKING"))
            })?;
            answer.extract_error()
        })
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        self.connection.req_packed_commands(pipeline, offset, count)
    }

    fn get_db(&self) -> i64 {
        self.connection.get_db()
    }
}
