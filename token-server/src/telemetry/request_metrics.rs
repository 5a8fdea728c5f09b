//! The metrics of requests, found without their names: looking those up costs as much as counting a hundred requests.

use std::collections::BTreeMap;
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use metrics::{Counter, Histogram, counter, histogram};

/// How often requests came, and how long they took, by route.
#[derive(Default)]
pub(crate) struct RequestMetrics(RwLock<BTreeMap<String, RouteMetrics>>);

/// One route.
struct RouteMetrics {
    seconds: Histogram,
    /// By method and status.
    requests: BTreeMap<(&'static str, u16), Counter>,
}

impl RequestMetrics {
    /// A request was answered. Routes, methods and statuses are few, and known beforehand.
    pub(crate) fn count(&self, route: &str, method: &'static str, status: u16, took: Duration) {
        let counted = |metrics: &BTreeMap<String, RouteMetrics>| {
            let meter = metrics.get(route)?;
            meter.requests.get(&(method, status))?.increment(1);
            meter.seconds.record(took);
            Some(())
        };
        if counted(&self.0.read().unwrap_or_else(PoisonError::into_inner)).is_none() {
            let mut metrics = self.0.write().unwrap_or_else(PoisonError::into_inner);
            meter(&mut metrics, route, method, status);
            counted(&metrics);
        }
    }
}

/// What was not met before.
fn meter(metrics: &mut BTreeMap<String, RouteMetrics>, route: &str, method: &'static str, status: u16) {
    let name = route.to_owned();
    let seconds = || histogram!("http_request_seconds", "route" => name.clone());
    let meter = metrics
        .entry(route.to_owned())
        .or_insert_with(|| RouteMetrics { seconds: seconds(), requests: BTreeMap::new() });
    meter.requests.entry((method, status)).or_insert_with(|| {
        counter!("http_requests_total", "route" => name.clone(), "method" => method, "status" => status.to_string())
    });
}
