//! The settings of the server, as its flags say.

use std::sync::Arc;

use token_server::{CertificateFiles, ConnectionLimits, Limits};

use super::config;
use super::store::Source;
use crate::args::{LogFormat, ServeArgs, Settings};
use crate::failure::Failure;

const CERTIFICATE: &str = "TOKEN_LISTEN_CERT (--listen-cert)";
const KEY: &str = "TOKEN_LISTEN_KEY (--listen-key)";

/// What the flags of `serve` and the settings of the store say.
pub(super) fn of(arguments: &ServeArgs, settings: Settings) -> Result<token_server::Settings, Failure> {
    Ok(token_server::Settings {
        listen: arguments.listen.clone(),
        grpc: arguments.grpc.clone(),
        threads: arguments.threads,
        certificate: certificate(arguments)?,
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
    })
}

fn certificate(arguments: &ServeArgs) -> Result<Option<CertificateFiles>, Failure> {
    match (arguments.listen_cert.clone(), arguments.listen_key.clone()) {
        (Some(certificate), Some(key)) => Ok(Some(CertificateFiles { certificate, key })),
        (Some(_), None) => Err(Failure::half(CERTIFICATE, KEY)),
        (None, Some(_)) => Err(Failure::half(KEY, CERTIFICATE)),
        (None, None) => Ok(None),
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
