//! Observes and stops a loop.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use tokio::sync::Notify;

/// Follows a loop and can stop it early. Clones are the same monitor; each loop needs its own.
#[derive(Debug, Clone, Default)]
pub struct Monitor(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    ended: AtomicU64,
    stop: AtomicBool,
    stopped: Notify,
}

impl Monitor {
    /// How many calls have ended so far: cheap enough for a progress bar.
    #[must_use]
    pub fn ended(&self) -> u64 {
        self.0.ended.load(Ordering::Relaxed)
    }

    /// Stops starting calls. Calls under way finish, and the loop returns its results until then.
    pub fn stop(&self) {
        self.0.stop.store(true, Ordering::Relaxed);
        self.0.stopped.notify_one();
    }

    /// Whether the loop was stopped.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.0.stop.load(Ordering::Relaxed)
    }

    /// Waits for the stop. Only one task may wait.
    pub(crate) async fn stopped(&self) {
        self.0.stopped.notified().await;
    }

    pub(crate) fn count(&self) {
        self.0.ended.fetch_add(1, Ordering::Relaxed);
    }
}
