//! A warning that is given once a minute.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

const MINUTE: Duration = Duration::from_secs(60);

/// When something was last said.
#[derive(Default)]
pub(super) struct OncePerMinute(Mutex<Option<Instant>>);

impl OncePerMinute {
    /// Whether it is to be said now.
    pub(super) fn is_due(&self) -> bool {
        let mut said = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let due = said.is_none_or(|said| said.elapsed() >= MINUTE);
        if due {
            *said = Some(Instant::now());
        }
        due
    }
}
