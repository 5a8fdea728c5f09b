//! The settings of the server, as its flags say.

use std::sync::Arc;

use token_server::{CertificateFiles, ConnectionLimits, Limits};

use super::config;
use super::store::Source;
use crate::args::{LogFormat, ServeArgs, Settings};

/// What the flags of `serve` and the settings of the store say.
pub(super) fn of(arguments: &ServeArgs, settings: Settings) -> token_server::Settings {
    let files = arguments.listen_cert.clone().zip(arguments.listen_key.clone());
    token_server::Settings {
        listen: arguments.listen.clone(),
        grpc: arguments.grpc.clone(),
        threads: arguments.threads,
        certificate: files.map(|(certificate, key)| CertificateFiles { certificate, key }),
        realm: arguments.realm.clone(),
        credentials: arguments.presenting.options(),
        admins: arguments.admins.iter().cloned().flatten().collect(),
        introspectors: arguments.introspectors.iter().cloned().flatten().collect(),
        issuer: arguments.web.issuer.clone(),
        cors_origins: arguments.web.cors_origins.iter().cloned().flatten().collect(),
        limits: Limits { at_once: arguments.at_once, ..Limits::default() },
        trusted_proxies: arguments.trusted_proxies.clone(),
        connections: connections(arguments),
        fail_fast: arguments.connections.fail_fast,
        log_format: log_format(arguments.log_format),
        otlp_endpoint: arguments.otlp_endpoint.clone(),
        named: config::named(&settings, arguments),
        store: Arc::new(Source { settings, cache: arguments.cache }),
    }
}

fn connections(arguments: &ServeArgs) -> ConnectionLimits {
    let connections = &arguments.connections;
    ConnectionLimits {
        idle_timeout: connections.idle_timeout.as_duration(),
        max_header_size: connections.max_header_size.0,
        max_headers: connections.max_headers.get(),
        drain: connections.drain.0,
    }
}

fn log_format(format: LogFormat) -> token_server::LogFormat {
    match format {
        LogFormat::Json => token_server::LogFormat::Json,
        LogFormat::Text => token_server::LogFormat::Text,
    }
}
