//! What is counted, logged and traced of each call: never its metadata or its messages, which may hold a token.

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;
use std::time::Instant;

use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use http::HeaderMap;
use metrics::{counter, histogram};
use prost::Message;
use prost_types::FileDescriptorSet;
use tonic::service::Routes;
use tonic::{Code, Status};
use tracing::Instrument;

use crate::sidecar::trace::{self, Join};

/// Who looks at calls.
struct Observer {
    /// All methods that there are, as `PACKAGE.SERVICE/METHOD`: a client may write anything into its path.
    methods: BTreeSet<String>,
    join: Option<Join>,
}

/// The same services, of whose calls it is told. Their methods are in the descriptors.
pub(super) fn observed(routes: Routes, descriptors: &[&[u8]], join: Option<Join>) -> io::Result<Routes> {
    let mut methods = BTreeSet::new();
    for set in descriptors {
        let set = FileDescriptorSet::decode(*set).map_err(io::Error::other)?;
        for file in &set.file {
            for service in &file.service {
                let names = service.method.iter().map(|method| method.name());
                methods.extend(names.map(|name| format!("{}.{}/{name}", file.package(), service.name())));
            }
        }
    }
    let observer = Arc::new(Observer { methods, join });
    Ok(routes.into_axum_router().layer(from_fn_with_state(observer, observe)).into())
}

/// Counts, times and traces a call, and writes a line of the access log.
async fn observe(State(observer): State<Arc<Observer>>, request: Request, next: Next) -> Response {
    let began = Instant::now();
    let known = observer.methods.get(request.uri().path().trim_start_matches('/')).map(String::as_str);
    let traced = trace::Request::grpc(observer.join, known, request.headers());
    let response = next.run(request).instrument(traced.span.clone()).await;
    let (status, took) = (status(response.headers()), began.elapsed());
    traced.answered("rpc.grpc.status_code", i64::from(i32::from(status)), is_error(status));
    let (method, micros) = (known.unwrap_or("none"), u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
    let (status, trace_id) = (i32::from(status), traced.trace_id);
    tracing::info!(target: "access", grpc = method, status, micros, trace_id, "answered");
    let method = method.to_owned();
    counter!("grpc_calls_total", "method" => method.clone(), "status" => status.to_string()).increment(1);
    histogram!("grpc_call_seconds", "method" => method).record(took);
    response
}

/// A call that fails says so in front; one that succeeds, behind its messages. A stream may still fail later.
fn status(headers: &HeaderMap) -> Code {
    Status::from_header_map(headers).map_or(Code::Ok, |status| status.code())
}

/// Whether it is the server's fault, as far as one can tell.
fn is_error(code: Code) -> bool {
    matches!(
        code,
        Code::Unknown
            | Code::DeadlineExceeded
            | Code::Unimplemented
            | Code::Internal
            | Code::Unavailable
            | Code::DataLoss
    )
}
