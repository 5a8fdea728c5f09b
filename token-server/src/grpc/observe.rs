//! What is counted, logged and traced of each call: never its messages, which may hold a token, and of its metadata only what
//! [`declared`](crate::request::declared) lets through.

use std::collections::BTreeSet;
use std::io;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use http::{Extensions, HeaderMap};
use metrics::{counter, histogram};
use prost::Message;
use prost_types::FileDescriptorSet;
use token_core::Recogniser;
use tonic::service::Routes;
use tonic::{Code, Status};
use tracing::Instrument;
use tracing::field::display;

use crate::request::client::{Peer, TrustedProxy, client};
use crate::request::declared::{kept, request_id, user_agent};
use crate::request::notes::Notes;
use crate::state::Sidecar;
use crate::telemetry::trace::{self, Join};
use token_http::RefusalReason;

/// Who looks at calls.
pub(super) struct Observer {
    /// All methods that there are, as `PACKAGE.SERVICE/METHOD`: a client may write anything into its path.
    methods: BTreeSet<String>,
    join: Option<Join>,
    trusted: Vec<TrustedProxy>,
    tokens: Recogniser,
}

impl Observer {
    /// Looks at the calls of a sidecar, once it knows their methods.
    pub(super) fn of(sidecar: &Sidecar) -> Self {
        let (join, trusted) = (sidecar.trace, sidecar.trusted_proxies.clone());
        let tokens = sidecar.tokens.recogniser().clone();
        Self { methods: BTreeSet::new(), join, trusted, tokens }
    }
}

/// The same services, with their calls observed. Their methods are in the descriptors.
pub(super) fn observed(routes: Routes, descriptors: &[&[u8]], mut observer: Observer) -> io::Result<Routes> {
    for set in descriptors {
        let set = FileDescriptorSet::decode(*set).map_err(io::Error::other)?;
        for file in &set.file {
            for service in &file.service {
                let names = service.method.iter().map(|method| method.name());
                observer
                    .methods
                    .extend(names.map(|name| format!("{}.{}/{name}", file.package(), service.name())));
            }
        }
    }
    Ok(routes.into_axum_router().layer(from_fn_with_state(Arc::new(observer), observe)).into())
}

/// Counts, times and traces a call, and writes a line of the access log.
async fn observe(State(observer): State<Arc<Observer>>, mut request: Request, next: Next) -> Response {
    let began = Instant::now();
    let known = observer.methods.get(request.uri().path().trim_start_matches('/')).map(String::as_str);
    let traced = trace::Request::grpc(observer.join, known, request.headers());
    let (peer, call) = (peer(request.extensions()), Call::of(request.headers()));
    request.extensions_mut().insert(call.clone());
    call.notes.attach(request.extensions_mut());
    let response = next.run(request).instrument(traced.span.clone()).await;
    let (status, took) = (status(response.headers()), began.elapsed());
    traced.answered("rpc.grpc.status_code", i64::from(i32::from(status)), is_error(status));
    let method = known.unwrap_or("none");
    let line = Line { method, status, micros: took.as_micros(), trace_id: traced.trace_id };
    line.write(&response, &call, client(&observer.trusted, peer, call.headers()), &observer.tokens);
    let (method, status) = (method.to_owned(), i32::from(status));
    counter!("grpc_calls_total", "method" => method.clone(), "status" => status.to_string()).increment(1);
    histogram!("grpc_call_seconds", "method" => method).record(took);
    response
}

/// What is noted of a call, in its extensions.
#[derive(Debug, Clone)]
pub(super) struct Call {
    notes: Notes,
    own: HeaderMap,
    /// Those of the request that the call asks about: a proxy calls in the place of its client.
    of_client: Arc<OnceLock<HeaderMap>>,
}

impl Call {
    fn of(headers: &HeaderMap) -> Self {
        Self { notes: Notes::default(), own: kept(headers), of_client: Arc::default() }
    }

    pub(super) fn notes(&self) -> &Notes {
        &self.notes
    }

    /// The call asks about a request with these headers.
    pub(super) fn asks_for(&self, headers: HeaderMap) {
        let _ = self.of_client.set(headers);
    }

    fn headers(&self) -> &HeaderMap {
        self.of_client.get().unwrap_or(&self.own)
    }
}

fn peer(extensions: &Extensions) -> Peer {
    extensions.get().copied().unwrap_or_default()
}

/// A line of the access log.
struct Line<'a> {
    method: &'a str,
    status: Code,
    micros: u128,
    trace_id: Option<String>,
}

impl Line<'_> {
    fn write(self, response: &Response, call: &Call, client: Peer, tokens: &Recogniser) {
        let Self { method: grpc, status, micros, trace_id } = self;
        let micros = u64::try_from(micros).unwrap_or(u64::MAX);
        let reason = refusal_reason(response, status, &call.notes);
        let (status, client, message) = (i32::from(status), display(client), "answered");
        let (token_id, about) = (call.notes.token_id().map(display), call.notes.about_id().map(display));
        if reason.is_none() {
            tracing::info!(target: "access", message, grpc, status, micros, client, token_id, about, trace_id);
            return;
        }
        let (request_id, user_agent) =
            (request_id(call.headers(), tokens), user_agent(call.headers(), tokens));
        let user_agent = user_agent.as_deref();
        tracing::info!(
            target: "access",
            message, grpc, status, micros, client, reason, token_id, about, trace_id, request_id, user_agent,
        );
    }
}

/// Why the answer is no, if it is: by the name of its status where nothing else is known.
fn refusal_reason(response: &Response, status: Code, notes: &Notes) -> Option<&'static str> {
    let noted = || response.extensions().get::<RefusalReason>().map(|reason| reason.0);
    let named = match status {
        Code::Ok => None,
        Code::InvalidArgument => Some("invalid_request"),
        Code::NotFound => Some("not_found"),
        Code::PermissionDenied => Some("access_denied"),
        Code::Unauthenticated => Some("unauthenticated"),
        Code::Unavailable => Some("unavailable"),
        Code::DeadlineExceeded => Some("timed_out"),
        Code::ResourceExhausted => Some("full"),
        Code::Unimplemented => Some("unimplemented"),
        _ => Some("other"),
    };
    notes.reason().or_else(noted).or(named)
}

/// A call that fails says so in front; one that succeeds, behind its messages. A stream may still fail later.
fn status(headers: &HeaderMap) -> Code {
    Status::from_header_map(headers).map_or(Code::Ok, |status| status.code())
}

/// Whether it is the server's fault, as far as is known.
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
