//! Waiting by polling, with a limit.

use std::time::{Duration, Instant};

/// The pause between two polls.
const PAUSE: Duration = Duration::from_millis(20);

/// Why a value does not exist.
pub(crate) enum Missing {
    /// It may still appear; this describes what is missing.
    Yet(String),
    /// It will not appear, for this reason.
    ForEver(String),
}

/// Polls `look` until it returns a value.
///
/// # Errors
/// The last reason, when the limit is over or the value cannot appear any more.
pub(crate) async fn wait_for<T>(
    limit: Duration,
    mut look: impl AsyncFnMut() -> Result<T, Missing>,
) -> Result<T, String> {
    let end = Instant::now() + limit;
    loop {
        match look().await {
            Ok(found) => return Ok(found),
            Err(Missing::ForEver(reason)) => return Err(reason),
            Err(Missing::Yet(reason)) if Instant::now() >= end => {
                return Err(format!("{reason} (waited {limit:?} for it)"));
            }
            Err(Missing::Yet(_)) => tokio::time::sleep(PAUSE).await,
        }
    }
}
