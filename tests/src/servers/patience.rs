//! Waiting for a thing itself, by asking for it again and again, never longer than a limit.

use std::time::{Duration, Instant};

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(20);

/// Why a thing is not there.
pub(crate) enum Missing {
    /// It may still come; this is what is missing.
    Yet(String),
    /// It will not come, for this reason.
    ForEver(String),
}

/// What `look` finds, once it finds it.
///
/// # Errors
/// What was missing when the limit was over, or when it was clear that it would not come.
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
