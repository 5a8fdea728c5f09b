//! After the measurement: all tokens are revoked.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use token_load::{Closed, Monitor, closed};

use super::AT_ONCE;
use super::ground::Ground;
use super::part::{Extent, part};
use token_server::Signals;

use crate::plural::count;

/// How long nothing may succeed before it is given up.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long it rests after a failure.
const REST: Duration = Duration::from_millis(500);

/// Revokes all tokens; those in a place of their own go with that. Otherwise says what is left.
pub(super) async fn clean_up(ground: &Arc<Ground>, signals: &mut Signals) -> Result<(), String> {
    if let Some(scratch) = &ground.scratch {
        return scratch.remove();
    }
    let users = ground.reached();
    let (monitor, success) = (Monitor::default(), Arc::new(Success::default()));
    let plan = Closed { calls: users, ..Closed::new(AT_ONCE, ground.longest.as_duration()) };
    let job = {
        let (ground, monitor) = (ground.clone(), monitor.clone());
        move |user| {
            let (ground, monitor, success) = (ground.clone(), monitor.clone(), success.clone());
            async move { revoke(&ground, user, &monitor, &success).await }
        }
    };
    let extent = Extent::Calls(users);
    let done = part("cleaning up", extent, &monitor, signals, closed(&plan, &monitor, job)).await;
    match users - (done.calls - done.failed()) {
        0 => Ok(()),
        left => Err(format!(
            "the tokens of {} could not be revoked; they expire within {}",
            count(left, "user"),
            ground.longest
        )),
    }
}

/// Revokes all tokens of a user, and tries again until nothing has succeeded for a while.
async fn revoke(
    ground: &Ground,
    user: u64,
    monitor: &Monitor,
    success: &Success,
) -> Result<(), &'static str> {
    while let Err(error) = ground.revoke(user).await {
        if monitor.is_stopped() || success.age() > PATIENCE {
            monitor.stop();
            return Err(error.kind().code());
        }
        tokio::time::sleep(REST).await;
    }
    success.renew();
    Ok(())
}

/// When something succeeded last.
struct Success(Mutex<Instant>);

impl Default for Success {
    fn default() -> Self {
        Self(Mutex::new(Instant::now()))
    }
}

impl Success {
    fn age(&self) -> Duration {
        self.last().elapsed()
    }

    fn renew(&self) {
        *self.last() = Instant::now();
    }

    fn last(&self) -> MutexGuard<'_, Instant> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
