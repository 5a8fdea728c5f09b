//! What a loop has measured.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Serialize, Serializer};

use crate::Latencies;

/// What a loop has measured.
#[derive(Debug, Clone, Serialize)]
pub struct Measured {
    /// Calls that have ended, with those that failed.
    pub calls: u64,
    /// Calls that failed, by the word that the job gave.
    pub errors: BTreeMap<&'static str, u64>,
    /// Calls of an open loop that were due and not started: too many were under way, or this process could not keep up.
    /// They have no latency, so the percentiles are too good where there are any.
    pub not_started: u64,
    /// Calls that were given up because they went on for too long after the end. They have no latency either.
    pub unfinished: u64,
    /// From the first start to the last end, in seconds.
    #[serde(rename = "elapsed_s", serialize_with = "seconds")]
    pub elapsed: Duration,
    /// How long calls took, failed ones included: in an open loop from when they were due, in a closed one from their
    /// start.
    pub latency: Latencies,
    /// How much of that passed before the call started, which is this process being late: zero in a closed loop.
    pub late: Latencies,
}

impl Measured {
    /// Calls per second that have ended.
    #[must_use]
    pub fn per_second(&self) -> f64 {
        let seconds = self.elapsed.as_secs_f64();
        if seconds > 0.0 { self.calls as f64 / seconds } else { 0.0 }
    }

    /// How many calls failed.
    #[must_use]
    pub fn failed(&self) -> u64 {
        self.errors.values().sum()
    }
}

fn seconds<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(duration.as_secs_f64())
}
