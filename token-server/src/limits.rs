//! What one client, or many at once, cannot do to the sidecar.

use std::time::Duration;

use tokio::sync::Semaphore;

use crate::error::ApiError;

/// What one client, or many at once, cannot do.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// How many requests are worked on at once; more are answered 503. Default 4 096.
    pub at_once: usize,
    /// How long one request may take, the reading of its body included. Default 10 s.
    pub time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { at_once: 4096, time: Duration::from_secs(10) }
    }
}

/// The limits at work.
#[derive(Debug)]
pub(crate) struct Guard {
    room: Semaphore,
    time: Duration,
}

impl Guard {
    pub(crate) fn new(limits: Limits) -> Self {
        Self { room: Semaphore::new(limits.at_once), time: limits.time }
    }

    /// Answers where there is room, and not for too long.
    pub(crate) async fn bound<T: From<ApiError>>(&self, answering: impl Future<Output = T>) -> T {
        let bounded = async {
            match tokio::time::timeout(self.time, answering).await {
                Ok(answer) => answer,
                Err(_) => ApiError::NotNow("timed_out", "the request took too long").into(),
            }
        };
        self.with_room(bounded).await
    }

    /// Whether what ends after so long by itself needs no timer.
    pub(crate) fn suffices(&self, ends_after: Option<Duration>) -> bool {
        ends_after.is_some_and(|time| time <= self.time)
    }

    /// Answers where there is room.
    pub(crate) async fn with_room<T: From<ApiError>>(&self, answering: impl Future<Output = T>) -> T {
        let Ok(_room) = self.room.try_acquire() else {
            return ApiError::NotNow("busy", "too many requests at once").into();
        };
        answering.await
    }
}
