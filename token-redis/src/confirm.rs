//! Confirms a change on the connection that made it, because WAIT covers only the writes of its own connection.

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

/// Waits until the change that `own` just made at `primary` has reached the requested level, or `patience` is over.
///
/// The change needs the greater of two numbers of replicas: those that the topology lists, and those that are connected. A
/// primary that was cut off has none connected, and would confirm its own writes. A sentinel that was reset lists none for a
/// while, and a replica that has just joined, or is hidden, can be promoted like any other.
///
/// An error means that the connection is lost or that the server is not the primary any more: make the change again. If the
/// server cannot confirm, that is no error: the change is made, and not confirmed.
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

/// How many replicas are connected to the server; 0 if this user may not ask.
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

/// `None` if the server does not know or permit the command.
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

/// Whether the server answered that it does not know or permit the command.
pub(crate) fn is_refusal(error: &RedisError) -> bool {
    matches!(
        error.kind(),
        ErrorKind::Extension | ErrorKind::Server(ServerErrorKind::ResponseError | ServerErrorKind::NoPerm)
    )
}

fn millis(patience: Duration) -> u64 {
    // 0 would wait without a limit.
    u64::try_from(patience.as_millis()).unwrap_or(u64::MAX).max(1)
}
