//! How a collector is reached, once it is known where it is: TLS, headers and timeouts, from the variables of OpenTelemetry.

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry_otlp::tonic_types::transport::{Certificate, ClientTlsConfig, Identity};
use percent_encoding::percent_decode_str;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::otel::Variables;
use crate::failure::Failure;

/// How a collector is known, and how it knows us.
#[derive(Clone, Default)]
pub(crate) struct Tls {
    authority: Option<Vec<u8>>,
    identity: Option<[Vec<u8>; 2]>,
}

/// The files of TLS, which are looked at before anything is sent.
pub(crate) fn tls(variables: &Variables<impl Fn(&str) -> Option<String>>) -> Result<Tls, Failure> {
    let file = |what| {
        variables.of_traces(what).map(|(name, path)| read(&name, &path).map(|pem| (name, pem))).transpose()
    };
    let (authority, certificate, key) =
        (file("CERTIFICATE")?, file("CLIENT_CERTIFICATE")?, file("CLIENT_KEY")?);
    for (name, pem) in authority.iter().chain(&certificate) {
        let mut certificates = CertificateDer::pem_slice_iter(pem).peekable();
        if certificates.peek().is_none() || certificates.any(|certificate| certificate.is_err()) {
            return Err(Failure::usage(format!("{name}: the file holds no certificate in PEM")));
        }
    }
    if let Some((name, pem)) = &key
        && PrivateKeyDer::from_pem_slice(pem).is_err()
    {
        return Err(Failure::usage(format!("{name}: the file holds no private key in PEM")));
    }
    let pem = |(_, pem)| pem;
    let identity = match (certificate.map(pem), key.map(pem)) {
        (Some(certificate), Some(key)) => Some([certificate, key]),
        (None, None) => None,
        _ => {
            return Err(Failure::usage(
                "set OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE and OTEL_EXPORTER_OTLP_CLIENT_KEY both, or neither",
            ));
        }
    };
    Ok(Tls { authority: authority.map(pem), identity })
}

fn read(name: &str, path: &str) -> Result<Vec<u8>, Failure> {
    std::fs::read(path).map_err(|error| Failure::usage(format!("{name}: cannot read the file: {error}")))
}

impl Tls {
    /// By the authority that was named, else by those of the web, and of the system if it has any.
    pub(crate) fn config(self, with_system: bool) -> ClientTlsConfig {
        let config = ClientTlsConfig::new();
        let config = match (self.authority, with_system) {
            (Some(authority), _) => config.ca_certificate(Certificate::from_pem(authority)),
            (None, true) => config.with_enabled_roots(),
            (None, false) => config.with_webpki_roots(),
        };
        match self.identity {
            Some([certificate, key]) => config.identity(Identity::from_pem(certificate, key)),
            None => config,
        }
    }
}

/// In milliseconds.
pub(crate) fn timeout(
    variables: &Variables<impl Fn(&str) -> Option<String>>,
    warnings: &mut Vec<String>,
) -> Option<Duration> {
    let (name, value) = variables.of_traces("TIMEOUT")?;
    match value.parse() {
        Ok(millis) if millis > 0 => Some(Duration::from_millis(millis)),
        _ => {
            warnings.push(format!("{name} is no number of milliseconds, and was left out"));
            None
        }
    }
}

/// `NAME=VALUE,NAME=VALUE`, percent-encoded.
pub(crate) fn headers(
    variables: &Variables<impl Fn(&str) -> Option<String>>,
    warnings: &mut Vec<String>,
) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let Some((name, value)) = variables.of_traces("HEADERS") else { return headers };
    for pair in value.split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
        match header(pair) {
            Some((name, value)) => _ = headers.append(name, value),
            None => warnings.push(format!("a part of {name} is not NAME=VALUE, and was left out")),
        }
    }
    headers
}

fn header(pair: &str) -> Option<(HeaderName, HeaderValue)> {
    let (name, value) = pair.split_once('=')?;
    let value = percent_decode_str(value.trim()).decode_utf8().ok()?;
    let mut value = HeaderValue::from_str(&value).ok()?;
    value.set_sensitive(true);
    Some((name.trim().to_lowercase().parse().ok()?, value))
}

#[cfg(test)]
mod tests {
    use super::super::otel::{Export, export};
    use super::*;

    fn with(flag: Option<&str>, variables: &[(&str, &str)]) -> Result<Option<Export>, Failure> {
        let find =
            |name: &str| variables.iter().find(|(own, _)| *own == name).map(|(_, value)| (*value).to_owned());
        export(flag, find)
    }

    #[test]
    fn headers_and_timeouts_of_traces_win() {
        let export = with(
            Some("http://a:1"),
            &[
                ("OTEL_EXPORTER_OTLP_TIMEOUT", "1000"),
                ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "250"),
                ("OTEL_EXPORTER_OTLP_HEADERS", "a=b"),
                ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", " Api-Key = se%20cret ,x=1=2,"),
            ],
        );
        let export = export.unwrap().unwrap();
        assert_eq!(export.timeout, Some(Duration::from_millis(250)));
        assert_eq!(
            (&export.headers["api-key"], &export.headers["x"]),
            (&"se cret".parse().unwrap(), &"1=2".parse().unwrap())
        );
        assert_eq!(export.headers.len(), 2);
        assert!(!format!("{:?}", export.headers).contains("se cret"));
    }

    #[test]
    fn certificates_are_looked_at_before_anything_is_sent() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("ca.pem");
        std::fs::write(&file, "no certificate").unwrap();
        let (there, missing) = (file.to_str().unwrap(), "/nowhere/ca.pem");
        for (name, path) in [
            ("OTEL_EXPORTER_OTLP_CERTIFICATE", there),
            ("OTEL_EXPORTER_OTLP_CERTIFICATE", missing),
            ("OTEL_EXPORTER_OTLP_CLIENT_KEY", there),
        ] {
            let Err(refused) = with(Some("https://a:1"), &[(name, path)]) else { panic!("{name}") };
            assert!(refused.line().contains(name), "{}", refused.line());
            assert!(with(Some("http://a:1"), &[(name, path)]).is_ok(), "it is for TLS");
        }
    }
}
