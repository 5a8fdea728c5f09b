//! Validates at a primary that cannot write to its disk.
//!
//! Such a server refuses every script that might write (MISCONF), including `validate.lua`, although a validation need not
//! write: a hard token is only read, and a sliding one only loses the renewal of this use. So the same script is called
//! again without write access, as a peek.
//!
//! A script that may write has another effect: a replica refuses it (READONLY), and so does a primary that was cut off from
//! its replicas (NOREPLICAS) and may have been replaced. Servers report MISCONF before NOREPLICAS, so the script checks this
//! itself: `without_writing.lua` answers only at a primary to which all replicas that the topology lists are connected. A
//! replica that was promoted is not connected any more.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use redis::Value;
use tokio::time::Instant;

use crate::connection::SharedConnections;
use crate::script::Call;

/// The pause between two warnings.
const QUIET: Duration = Duration::from_secs(60);

/// Validates without writing, and logs a warning about it from time to time.
#[derive(Default)]
pub(super) struct WithoutWriting {
    warned: Mutex<Option<Instant>>,
}

impl WithoutWriting {
    /// Repeats the refused call. `None` if this primary may have been replaced, or the user may not read its state.
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
