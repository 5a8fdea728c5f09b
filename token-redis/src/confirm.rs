//! How far a change has gone: asked on the connection that made it, since WAIT speaks of what its own connection wrote.

use std::time::Duration;

use redis::{ErrorKind, RedisError, RedisResult, ServerErrorKind, Value};
use token_core::{Confirmation, ConfirmationLevel};

use crate::connection::{DedicatedConnection, Operation, Primary};
use crate::disk;
use crate::script::Call;

/// A call of a script that writes, and the confirmation of what it wrote.
pub(crate) struct Confirmed<'a> {
    pub(crate) call: &'a Call,
    pub(crate) level: Option<ConfirmationLevel>,
    pub(crate) patience: Duration,
}

impl Operation<DedicatedConnection> for Confirmed<'_> {
    type Output = (Value, Confirmation);

    async fn perform(&self, own: &mut DedicatedConnection, primary: &Primary) -> RedisResult<Self::Output> {
        let value = self.call.send(own).await?;
        Ok((value, confirm(own, primary, self.level, self.patience).await?))
    }
}

/// Waits until the change that `own` just made at `primary` has gone as far as was asked for, or `patience` is over.
///
/// The replicas that count are those that the topology lists, and all that are connected besides: a primary that was cut
/// off has none, and would confirm itself; a sentinel that was reset lists none for a while, and a replica that has just
/// joined, or is hidden, is promoted like any other.
///
/// An error here means that the connection is lost or the server is not the primary any more: the change must be made
/// again. That the server cannot confirm is no error: the change is done, and not confirmed.
async fn confirm(
    own: &mut DedicatedConnection,
    primary: &Primary,
    asked: Option<ConfirmationLevel>,
    patience: Duration,
) -> RedisResult<Confirmation> {
    let listed = primary.replicas.unwrap_or(0);
    let by_topology = if listed > 0 { ConfirmationLevel::Replicated } else { ConfirmationLevel::Local };
    match asked.unwrap_or(by_topology) {
        ConfirmationLevel::Local => Ok(Confirmation::LOCAL),
        level @ ConfirmationLevel::Replicated => {
            let expected = connected_replicas(own).await?.max(listed).max(1);
            let mut wait = redis::cmd("WAIT");
            wait.arg(expected).arg(millis(patience));
            let reached = or_none(wait.query_async(own).await)?;
            Ok(Confirmation { level, expected, reached: reached.unwrap_or(0), reason: None })
        }
        ConfirmationLevel::Disk => disk::confirm(own, millis(patience)).await,
    }
}

/// How many replicas are connected to the server. None, where it may not be asked.
async fn connected_replicas(own: &mut DedicatedConnection) -> RedisResult<u32> {
    let role: Option<Value> = or_none(redis::cmd("ROLE").query_async(own).await)?;
    Ok(match role {
        Some(Value::Array(role)) => match role.as_slice() {
            [_, _, Value::Array(replicas)] => u32::try_from(replicas.len()).unwrap_or(u32::MAX),
            _ => 0,
        },
        _ => 0,
    })
}

/// Nothing, if the server does not do what it was asked to (a command it does not know or permit).
fn or_none<T>(result: RedisResult<T>) -> RedisResult<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if is_refusal(&error) => {
            tracing::warn!(%error, "the server cannot confirm a change");
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// Whether the server has understood that it does not know, or not permit, what it was asked to do.
pub(crate) fn is_refusal(error: &RedisError) -> bool {
    matches!(
        error.kind(),
        ErrorKind::Extension | ErrorKind::Server(ServerErrorKind::ResponseError | ServerErrorKind::NoPerm)
    )
}

fn millis(patience: Duration) -> u64 {
    // 0 would wait for ever.
    u64::try_from(patience.as_millis()).unwrap_or(u64::MAX).max(1)
}
