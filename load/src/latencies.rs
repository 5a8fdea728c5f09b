//! Latencies, as a histogram.

use std::time::Duration;

use hdrhistogram::Histogram;
use serde::{Serialize, Serializer};

/// The longest latency that is distinguished from longer ones.
const LONGEST: Duration = Duration::from_secs(3_600);
/// The number of decimal digits that are kept of each latency.
const DIGITS: u8 = 3;

/// Latencies of many calls, from a nanosecond to an hour, with a relative precision of one thousandth.
///
/// Serialises as its count, and mean, percentiles and maximum in microseconds, which are 0 if there are none.
#[derive(Debug, Clone)]
pub struct Latencies(Histogram<u64>);

impl Latencies {
    /// An empty histogram.
    #[must_use]
    pub fn new() -> Self {
        #[expect(clippy::expect_used, reason = "the bounds are constants that the histogram allows")]
        let histogram = Histogram::new_with_bounds(1, nanoseconds(LONGEST), DIGITS).expect("valid bounds");
        Self(histogram)
    }

    /// Adds one. A latency above an hour counts as an hour.
    pub fn record(&mut self, latency: Duration) {
        self.0.saturating_record(nanoseconds(latency));
    }

    /// Adds all of another run.
    pub fn merge(&mut self, other: &Self) {
        #[expect(clippy::expect_used, reason = "all histograms here have the same bounds")]
        self.0.add(&other.0).expect("the same bounds");
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.0.len()
    }

    /// The latency that this share of all does not exceed: `0.99` is the 99th percentile. Zero if there are none.
    #[must_use]
    pub fn quantile(&self, share: f64) -> Duration {
        Duration::from_nanos(self.0.value_at_quantile(share))
    }

    /// The longest. Zero if there are none.
    #[must_use]
    pub fn max(&self) -> Duration {
        Duration::from_nanos(self.0.max())
    }

    /// The mean. Zero if there are none.
    #[must_use]
    pub fn mean(&self) -> Duration {
        Duration::from_secs_f64(self.0.mean() / 1e9)
    }
}

impl Default for Latencies {
    fn default() -> Self {
        Self::new()
    }
}

impl Serialize for Latencies {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Summary {
            count: self.count(),
            mean_us: microseconds(self.mean()),
            p50_us: microseconds(self.quantile(0.5)),
            p90_us: microseconds(self.quantile(0.9)),
            p99_us: microseconds(self.quantile(0.99)),
            p99_9_us: microseconds(self.quantile(0.999)),
            max_us: microseconds(self.max()),
        }
        .serialize(serializer)
    }
}

#[derive(Serialize)]
struct Summary {
    count: u64,
    mean_us: f64,
    p50_us: f64,
    p90_us: f64,
    p99_us: f64,
    p99_9_us: f64,
    max_us: f64,
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// Rounds to a tenth, which is about the precision of short ones.
fn microseconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e7).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(milliseconds: impl IntoIterator<Item = u64>) -> Latencies {
        let mut latencies = Latencies::new();
        for each in milliseconds {
            latencies.record(Duration::from_millis(each));
        }
        latencies
    }

    /// Equal within the precision of the histogram.
    fn about(seen: Duration, milliseconds: u64) -> bool {
        let wanted = Duration::from_millis(milliseconds);
        seen.abs_diff(wanted) <= wanted / 1_000
    }

    #[test]
    fn a_percentile_is_the_latency_that_this_share_does_not_exceed() {
        let latencies = of(1..=1_000);
        assert!(about(latencies.quantile(0.5), 500), "{latencies:?}");
        assert!(about(latencies.quantile(0.99), 990), "{latencies:?}");
        assert!(about(latencies.quantile(0.999), 999), "{latencies:?}");
        assert!(about(latencies.max(), 1_000), "{latencies:?}");
    }

    #[test]
    fn merging_is_the_same_as_recording_all_in_one() {
        let mut merged = of(1..=400);
        merged.merge(&of(401..=1_000));
        let together = of(1..=1_000);
        assert_eq!(serde_json::to_value(&merged).unwrap(), serde_json::to_value(&together).unwrap());
    }

    #[test]
    fn a_latency_above_an_hour_is_recorded_as_an_hour() {
        let latencies = of([7_200_000]);
        assert_eq!(latencies.count(), 1);
        assert!(about(latencies.max(), 3_600_000), "{latencies:?}");
    }

    #[test]
    fn json_names_the_percentiles_in_microseconds() {
        let json = serde_json::to_value(of([2, 2, 2, 2])).unwrap();
        assert_eq!(json["count"], 4);
        for name in ["mean_us", "p50_us", "p90_us", "p99_us", "p99_9_us", "max_us"] {
            let microseconds = json[name].as_f64().unwrap();
            assert!((microseconds - 2_000.0).abs() <= 2.0, "{json}");
        }
    }

    #[test]
    fn empty_latencies_are_reported_as_zeros() {
        let json = serde_json::to_value(Latencies::new()).unwrap();
        assert!(json.as_object().unwrap().values().all(|value| value.as_f64() == Some(0.0)), "{json}");
    }
}
