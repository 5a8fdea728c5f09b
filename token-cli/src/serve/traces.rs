//! Traces, exported by OTLP over gRPC. A thread of its own sends them; what it cannot send in time is dropped and logged.

use std::time::Duration;

use http::{HeaderMap, Uri};
use opentelemetry::propagation::{Extractor, TextMapPropagator};
use opentelemetry::trace::{TraceContextExt, TraceId, TracerProvider};
use opentelemetry::{Key, Value};
use opentelemetry_otlp::{SpanExporter, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::SdkTracerProvider;
use token_http::sidecar::{REQUEST, TARGET};
use tracing::level_filters::LevelFilter;
use tracing::subscriber::Interest;
use tracing::{Metadata, Span, Subscriber};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::DynFilterFn;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use crate::failure::Failure;

/// What it is called where neither `OTEL_SERVICE_NAME` nor `OTEL_RESOURCE_ATTRIBUTES` gives it a name.
const NAME: &str = "token-cli";

/// How long it tries to send the last spans when it ends.
const FLUSH: Duration = Duration::from_secs(2);

/// The header of W3C Trace Context that is read. `tracestate` is not: its text is the client's.
const TRACEPARENT: &str = "traceparent";

/// What exports spans.
#[derive(Debug)]
pub(super) struct Traces(SdkTracerProvider);

impl Traces {
    /// Begins to export to the collector at this address, whether there is one or not.
    pub(super) fn begin(endpoint: &str) -> Result<Self, Failure> {
        check(endpoint)?;
        let exporter = SpanExporter::builder().with_tonic().with_endpoint(endpoint).build();
        let exporter = exporter.map_err(|error| Failure::system(std::io::Error::other(error)))?;
        let provider = SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource());
        Ok(Self(provider.build()))
    }

    /// What takes the spans of requests, and of what the store is asked for them: not what it is asked besides, to see
    /// whether it answers.
    pub(super) fn layer<S>(&self) -> impl Layer<S> + use<S>
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        let ours = |metadata: &Metadata<'_>| match metadata.target() == TARGET {
            true => Interest::sometimes(),
            false => Interest::never(),
        };
        let wanted = |metadata: &Metadata<'_>, context: &Context<'_, S>| {
            metadata.target() == TARGET && (metadata.name() == REQUEST || context.lookup_current().is_some())
        };
        let wanted = DynFilterFn::new(wanted).with_callsite_filter(ours);
        tracing_opentelemetry::layer()
            .with_tracer(self.0.tracer(NAME))
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_tracked_inactivity(false)
            .with_filter(wanted.with_max_level_hint(LevelFilter::DEBUG))
    }

    /// Sends what is left.
    pub(super) fn end(self) {
        if let Err(error) = self.0.shutdown_with_timeout(FLUSH) {
            tracing::warn!(%error, "the last spans could not be exported");
        }
    }
}

/// Joins the span of a request to the trace of whoever sent it, and answers the id of that trace.
pub(super) fn join(span: &Span, headers: &HeaderMap) -> Option<String> {
    let parent = TraceContextPropagator::new().extract(&Traceparent(headers));
    span.set_parent(parent).ok()?;
    let trace = span.context().span().span_context().trace_id();
    (trace != TraceId::INVALID).then(|| trace.to_string())
}

struct Traceparent<'a>(&'a HeaderMap);

impl Extractor for Traceparent<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        (key == TRACEPARENT).then(|| self.0.get(TRACEPARENT)?.to_str().ok())?
    }

    fn keys(&self) -> Vec<&str> {
        vec![TRACEPARENT]
    }
}

/// The address is not repeated where it is wrong: it may hold a password, which does not belong there.
fn check(endpoint: &str) -> Result<(), Failure> {
    let plain = |uri: &Uri| {
        let authority = uri.authority().is_some_and(|authority| !authority.as_str().contains('@'));
        uri.scheme_str() == Some("http") && authority
    };
    match endpoint.parse::<Uri>() {
        Ok(uri) if plain(&uri) => Ok(()),
        _ => Err(Failure::usage(
            "cannot use the OTLP endpoint: write http://HOST:PORT, without user and password (see \
             OTEL_EXPORTER_OTLP_HEADERS); there is no TLS, so have a collector on this machine or within a mesh",
        )),
    }
}

fn resource() -> Resource {
    let told = Resource::builder().build();
    let named = told.get(&Key::from_static_str("service.name"));
    // What the SDK makes up where nobody says a name.
    let is_named =
        matches!(named, Some(Value::String(name)) if !name.as_str().starts_with("unknown_service"));
    if is_named { told } else { Resource::builder().with_service_name(NAME).build() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_a_plain_address_and_a_wrong_one_is_not_repeated() {
        assert!(check("http://127.0.0.1:4317").is_ok() && check("http://collector:4317/").is_ok());
        for wrong in
            ["", "hidden:4317", "https://hidden:4317", "http://me:hidden@collector:4317", "http://", "hidden"]
        {
            let refused = check(wrong).unwrap_err();
            assert!(!refused.sentence().contains("hidden"), "{wrong}");
        }
    }
}
