//! What the metrics mean: the help texts that Prometheus shows.

use metrics::{Unit, describe_counter, describe_histogram};

/// Describes all metrics of the sidecar to the recorder that is installed.
pub(crate) fn describe() {
    let counters = [
        ("http_requests_total", "HTTP requests answered, by route, method and status."),
        ("grpc_calls_total", "gRPC calls answered, by method and status number."),
        ("token_validations_total", "Validations of tokens, by outcome: active, or the reason why not."),
        ("token_renewals_total", "Uses of sliding tokens, each of which renews its token."),
        ("token_store_errors_total", "Operations that the store did not do, by operation and kind of error."),
    ];
    for (name, help) in counters {
        describe_counter!(name, Unit::Count, help);
    }
    let times = [
        ("http_request_seconds", "Time from a request to its answer, by route."),
        ("grpc_call_seconds", "Time from a gRPC call to its answer, by method."),
        ("token_store_seconds", "Time that the store took, by operation."),
    ];
    for (name, help) in times {
        describe_histogram!(name, Unit::Seconds, help);
    }
}
