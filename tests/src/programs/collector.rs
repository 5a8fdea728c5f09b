//! A collector of traces, made of published packages only.

use std::path::Path;

use serde_json::Value;

use super::daemon::Daemon;
use super::stock::{installed, script};

/// A collector that listens for OTLP over gRPC, and keeps the spans.
#[derive(Debug)]
pub struct Collector(Daemon);

/// A received span.
#[derive(Debug, Clone)]
pub struct Span(pub Value);

impl Collector {
    /// Starts it on a free port.
    ///
    /// # Panics
    /// It does not start. The message says why.
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// Starts it with TLS, with this certificate and its key.
    ///
    /// # Panics
    /// It does not start. The message says why.
    pub async fn start_tls(certificate: &Path, key: &Path) -> Self {
        Self::start_with(&[certificate, key]).await
    }

    async fn start_with(tls: &[&Path]) -> Self {
        let receiver = script("otlp_receiver.py").display().to_string();
        let arguments = |port: u16| {
            let tls = tls.iter().map(|path| path.display().to_string());
            [receiver.clone(), port.to_string()].into_iter().chain(tls).collect()
        };
        Self(Daemon::start(&installed("otlp/bin/python"), arguments).await)
    }

    /// Its address.
    #[must_use]
    pub fn endpoint(&self) -> String {
        self.0.url()
    }

    /// Its port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.0.port()
    }

    /// Everything that it received, as text.
    #[must_use]
    pub fn said(&self) -> String {
        self.0.said()
    }

    /// All spans that it has received so far.
    ///
    /// # Panics
    /// It printed something else.
    #[must_use]
    pub fn spans(&self) -> Vec<Span> {
        let said = self.said();
        // grpcio itself prints messages about failed handshakes to the same output.
        let spans = said.lines().filter(|line| line.starts_with('{'));
        spans.map(|line| Span(serde_json::from_str(line).expect("a span"))).collect()
    }
}

impl Span {
    /// A member of the span that is a text.
    ///
    /// # Panics
    /// It is none.
    #[must_use]
    pub fn text(&self, member: &str) -> &str {
        self.0[member].as_str().unwrap_or_else(|| panic!("{member} of {}", self.0))
    }

    /// One of its attributes; null if it is missing.
    #[must_use]
    pub fn attribute(&self, name: &str) -> &Value {
        &self.0["attributes"][name]
    }
}
