//! The results of a loop.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Serialize, Serializer};

use crate::Latencies;

/// The results of a loop.
#[derive(Debug, Clone, Serialize)]
pub struct Measured {
    /// Calls that have ended, including failed ones.
    pub calls: u64,
    /// Calls that failed, by the word that the job gave.
    pub errors: BTreeMap<&'static str, u64>,
    /// Calls of an open loop that were due and not started, because too many were under way or this process could not keep up.
    /// They have no latency, so the percentiles are too good if there are any.
    pub not_started: u64,
    /// Calls that were cancelled because they took too long after the end. They have no latency either.
    pub unfinished: u64,
    /// From the first start to the last end, in seconds.
    #[serde(rename = "elapsed_s", serialize_with = "seconds")]
    pub elapsed: Duration,
    /// The latencies of calls, including failed ones: in an open loop from when they were due, in a closed one from their
    /// start.
    pub latency: Latencies,
    /// The part of the latency before a call started, because this process was late: zero in a closed loop.
    pub late: Latencies,
}

impl Measured {
    /// Ended calls per second.
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
