//! Calls of `validate.lua` as operations.

use redis::aio::ConnectionLike;
use redis::{ErrorKind, RedisError, RedisResult, ServerErrorKind, Value};

use crate::connection::{Operation, Primary};
use crate::script::Call;

/// One call. If it has several keys, and some of them have already moved to another node, its caller splits it.
pub(super) struct OneCall<'a>(pub(super) &'a Call);

impl<C: ConnectionLike + Send> Operation<C> for OneCall<'_> {
    type Output = Value;

    async fn perform(&self, connection: &mut C, _: &Primary) -> RedisResult<Value> {
        self.0.send(connection).await
    }

    fn ends_with(&self, error: &RedisError) -> bool {
        is_half_moved(error, self.0)
    }
}

/// Several calls that are sent together, with a reply to each.
pub(super) struct Calls(pub(super) Vec<Call>);

impl<C: ConnectionLike + Send> Operation<C> for Calls {
    type Output = Vec<RedisResult<Value>>;

    async fn perform(&self, connection: &mut C, _: &Primary) -> RedisResult<Self::Output> {
        let mut pipeline = redis::pipe();
        pipeline.ignore_errors();
        for call in &self.0 {
            pipeline.add_command(call.by_hash());
        }
        pipeline.query_async(connection).await
    }
}

/// Whether a call with several keys was refused because some of them have already moved to another node: then each key needs
/// its own call.
pub(super) fn is_half_moved(error: &RedisError, call: &Call) -> bool {
    call.keys.len() > 1 && error.kind() == ErrorKind::Server(ServerErrorKind::TryAgain)
}
