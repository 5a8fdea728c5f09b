//! What `/metrics` has: what the sidecar counts (see [the crate](crate)), and how the connections to Redis are.
//!
//! | metric | labels | |
//! |---|---|---|
//! | `token_redis_connection_swaps_total` | | how often the connection that validations share was replaced |
//! | `token_redis_pool_size` | `server` | how many connections the pool for everything else has |
//! | `token_redis_pool_available` | `server` | how many of them are not in use |
//! | `token_redis_pool_waiting` | `server` | how many operations wait for one |
//! | `token_redis_pool_max` | `server` | how many there may be |
//! | `token_log_lines_dropped_total` | | lines of the log that could not be written in time |
//! | `token_build_info` | `version` | always 1 |
//! | `process_…` | | of the process: time of processors, memory, threads, file descriptors, start |
//! | `token_reload_total` | `outcome` | reloads of settings and certificates: `done`, or `failed` and nothing has changed |
//! | `token_cache_hits_total`, `token_cache_misses_total` | | uses that the local cache answered, and that had to be asked |
//! | `token_cache_entries` | | what it keeps |
//! | `token_cache_partitions_heard` | | of how many of the 1 024 partitions revocations are heard: tokens of the others are asked about |

use std::sync::Arc;
use std::time::Duration;

use crate::retirement::Retirement;
use arc_swap::ArcSwapOption;
use metrics::{Unit, counter, describe_counter, describe_gauge, gauge};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use metrics_process::Collector;
use metrics_util::MetricKindMask;
use tokio::time::MissedTickBehavior;

use super::writer::Log;
use crate::failure::Failure;
use crate::store::{ConnectionsState, PoolState, StoreConnections};

/// Upper bounds in seconds: a validation takes a fraction of a millisecond, and ends after a second.
const BUCKETS: [f64; 12] = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.25, 1.0, 5.0];

/// All gauges are set each time the metrics are read. A gauge that was not set for so long belongs to a pool that is gone.
const GONE: Duration = Duration::from_secs(1);

/// How often what was timed is summed up if no scrape asks for it. Times take memory one by one until then, and summing them
/// up holds a worker for as long as there are many.
const UPKEEP: Duration = Duration::from_millis(250);

/// The time of processors has fractions. Counters of the crate `metrics` have none, so it is kept as a gauge.
const AS_GAUGE: &str = "# TYPE process_cpu_seconds_total gauge";
const AS_COUNTER: &str = "# TYPE process_cpu_seconds_total counter";

/// Writes all metrics of the process in the text format of Prometheus.
pub type Render = Arc<dyn Fn() -> String + Send + Sync>;

/// The connections of the store, if it has any now.
pub(crate) type Watched = Arc<ArcSwapOption<Arc<dyn StoreConnections>>>;

/// A reload of the settings or of a certificate.
pub(crate) fn reloaded(outcome: &'static str) {
    counter!("token_reload_total", "outcome" => outcome).increment(1);
}

/// Begins to count, and answers what writes it all down.
pub(crate) fn start(watched: Watched, log: Log, retirement: Retirement) -> Result<Render, Failure> {
    let refused = |error| Failure::system(std::io::Error::other(error));
    let builder = PrometheusBuilder::new().set_buckets(&BUCKETS).map_err(refused)?;
    let builder = builder.idle_timeout(MetricKindMask::GAUGE, Some(GONE));
    let handle = builder.install_recorder().map_err(refused)?;
    tokio::spawn(keep_up(handle.clone()));
    describe();
    let process = Collector::default();
    process.describe();
    Ok(Arc::new(move || {
        process.collect();
        gauge!("token_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
        gauge!("token_draining").set(if retirement.is_announced() { 1.0 } else { 0.0 });
        counter!("token_log_lines_dropped_total").absolute(log.dropped());
        if let Some(store) = &*watched.load() {
            record(store.state());
        }
        handle.render().replace(AS_GAUGE, AS_COUNTER)
    }))
}

fn describe() {
    crate::telemetry::described::describe();
    let counters = [
        (
            "token_log_lines_dropped_total",
            "Lines of the log that could not be written in time, and were dropped.",
        ),
        ("token_redis_connection_swaps_total", "Replacements of the connection that validations share."),
        ("token_reload_total", "Reloads of settings and certificates, by outcome."),
        ("token_cache_hits_total", "Uses of tokens that the local cache answered."),
        ("token_cache_misses_total", "Uses of tokens for which the store was asked."),
    ];
    for (name, help) in counters {
        describe_counter!(name, Unit::Count, help);
    }
    // From the beginning, so that a rate over the first reload is seen.
    for outcome in ["done", "failed"] {
        counter!("token_reload_total", "outcome" => outcome).increment(0);
    }
    let gauges = [
        ("token_build_info", "The version of this program; the value is always 1."),
        ("token_draining", "1 once this process has been asked to stop and is no longer ready, else 0."),
        ("token_redis_pool_size", "Connections for everything but validations, by server."),
        ("token_redis_pool_available", "Connections of the pool that are not in use, by server."),
        ("token_redis_pool_waiting", "Operations that wait for a connection of the pool, by server."),
        ("token_redis_pool_max", "The most connections that the pool may have, by server."),
        ("token_cache_entries", "Tokens that the local cache keeps."),
        ("token_cache_partitions_heard", "Of how many of the 1024 partitions revocations are heard."),
    ];
    for (name, help) in gauges {
        describe_gauge!(name, Unit::Count, help);
    }
}

async fn keep_up(handle: PrometheusHandle) {
    let mut ticks = tokio::time::interval(UPKEEP);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        handle.run_upkeep();
    }
}

/// How the connections are now.
fn record(state: ConnectionsState) {
    counter!("token_redis_connection_swaps_total").absolute(state.swaps);
    for PoolState { server, size, available, waiting, max } in state.pools {
        for (name, value) in [
            ("token_redis_pool_size", size),
            ("token_redis_pool_available", available),
            ("token_redis_pool_waiting", waiting),
            ("token_redis_pool_max", max),
        ] {
            gauge!(name, "server" => server.clone()).set(value as f64);
        }
    }
    if let Some(cache) = state.cache {
        counter!("token_cache_hits_total").absolute(cache.hits);
        counter!("token_cache_misses_total").absolute(cache.misses);
        gauge!("token_cache_entries").set(cache.entries as f64);
        gauge!("token_cache_partitions_heard").set(cache.partitions_heard as f64);
    }
}
