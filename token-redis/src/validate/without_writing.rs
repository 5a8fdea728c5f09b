//! Validating at a primary that cannot write to its disk.
//!
//! Such a server refuses every script that might write (MISCONF), `validate.lua` among them, although a validation need not
//! write: a hard token is looked at, and a sliding one only loses the renewal of this use. So the same script is called
//! once more, without the right to write, as a peek.
//!
//! A script that may write has more to it: a replica refuses it (READONLY), and so does a primary that was cut off from its
//! replicas (NOREPLICAS), which may have been replaced. Servers name MISCONF before NOREPLICAS, so the script looks for itself:
//! `without_writing.lua` answers only at a primary that all replicas are connected to which the topology lists. Where one of
//! them was promoted it is not among them.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use redis::Value;
use tokio::time::Instant;

use crate::connection::SharedConnections;
use crate::script::Call;

/// Between two warnings.
const QUIET: Duration = Duration::from_secs(60);

/// Validates without writing, and warns of it now and then.
#[derive(Default)]
pub(super) struct WithoutWriting {
    warned: Mutex<Option<Instant>>,
}

impl WithoutWriting {
    /// Calls again what was refused. `None` where this is no primary that can be relied on, or the user may not look.
    pub(super) async fn call(
        &self,
        shared: &SharedConnections,
        slot: u16,
        refused: &Call,
        until: Instant,
    ) -> Option<Value> {
        let asking = async {
            let listed = shared.listed_replicas(slot).await?;
            match refused.without_writing(listed) {
                Some(call) => Ok(Some(shared.once(slot, &call).await?)),
                None => Ok(None),
            }
        };
        let answered = tokio::time::timeout_at(until, asking).await.ok()?;
        self.warn(shared, answered.as_ref().err());
        answered.ok().flatten()
    }

    fn warn(&self, shared: &SharedConnections, refused: Option<&redis::RedisError>) {
        let mut warned = self.warned.lock().unwrap_or_else(PoisonError::into_inner);
        if warned.is_some_and(|warned| warned.elapsed() < QUIET) {
            return;
        }
        *warned = Some(Instant::now());
        let store = shared.url();
        match refused {
            None => tracing::warn!(
                %store,
                "the server cannot write to its disk: tokens are validated, but nothing is issued, revoked or renewed"
            ),
            Some(error) => {
                tracing::warn!(%store, %error, "the server cannot write to its disk, and validates nothing");
            }
        }
    }
}
