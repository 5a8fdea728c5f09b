//! Traces, exported by OTLP over gRPC. A thread of its own sends them; what it cannot send in time is dropped and logged.

use std::time::Duration;

use super::trace::REQUEST;
use super::trace::TARGET;
use http::HeaderMap;
use opentelemetry::propagation::{Extractor, TextMapPropagator};
use opentelemetry::trace::{TraceContextExt, TraceId, TracerProvider};
use opentelemetry::{Key, KeyValue, Value};
use opentelemetry_otlp::tonic_types::metadata::MetadataMap;
use opentelemetry_otlp::{ExporterBuildError, SpanExporter, WithExportConfig, WithTonicConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing::level_filters::LevelFilter;
use tracing::subscriber::Interest;
use tracing::{Metadata, Span, Subscriber};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::DynFilterFn;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use super::otel::Export;
use crate::failure::Failure;
use crate::tls;

/// What it is called where neither `OTEL_SERVICE_NAME` nor `OTEL_RESOURCE_ATTRIBUTES` gives it a name.
const NAME: &str = "token-cli";

/// How long it tries to send the last spans when it ends.
const FLUSH: Duration = Duration::from_secs(2);

/// The header of W3C Trace Context that is read. `tracestate` is not: its text is the client's.
const TRACEPARENT: &str = "traceparent";

/// What exports spans.
#[derive(Debug)]
pub(crate) struct Traces(SdkTracerProvider);

impl Traces {
    /// Begins to export to a collector, whether there is one or not.
    pub(crate) fn begin(export: &Export) -> Result<Self, Failure> {
        tls::choose_provider();
        // A system without roots of its own refuses to load any.
        let exporter = exporter(export, true).or_else(|_| exporter(export, false));
        let exporter = exporter.map_err(|error| Failure::usage(format!("cannot export traces: {error}")))?;
        let provider =
            SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource(export));
        Ok(Self(provider.build()))
    }

    /// What takes the spans of requests, and of what the store is asked for them: not what it is asked besides, to see
    /// whether it answers.
    pub(crate) fn layer<S>(&self) -> impl Layer<S> + use<S>
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
    pub(crate) fn end(self) {
        if let Err(error) = self.0.shutdown_with_timeout(FLUSH) {
            tracing::warn!(%error, "the last spans could not be exported");
        }
    }
}

fn exporter(export: &Export, with_system: bool) -> Result<SpanExporter, ExporterBuildError> {
    let mut builder = SpanExporter::builder()
        .with_tonic()
        .with_endpoint(&export.endpoint)
        .with_metadata(MetadataMap::from_headers(export.headers.clone()));
    if let Some(tls) = export.tls.clone() {
        builder = builder.with_tls_config(tls.config(with_system));
    }
    if let Some(timeout) = export.timeout {
        builder = builder.with_timeout(timeout);
    }
    builder.build()
}

/// Joins the span of a request to the trace of its sender, and returns the id of that trace.
pub(crate) fn join(span: &Span, headers: &HeaderMap) -> Option<String> {
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

fn resource(export: &Export) -> Resource {
    let attributes = || {
        // The SDK reads them, too, and does not decode them.
        export.attributes.iter().map(|(name, value)| KeyValue::new(name.clone(), value.clone()))
    };
    let detected = Resource::builder().with_attributes(attributes()).build();
    let named = detected.get(&Key::from_static_str("service.name"));
    // What the SDK makes up if no name is set.
    let is_named = matches!(named, Some(Value::String(name))
        if !name.as_str().is_empty() && !name.as_str().starts_with("unknown_service"));
    if is_named {
        detected
    } else {
        Resource::builder().with_attributes(attributes()).with_service_name(NAME).build()
    }
}
