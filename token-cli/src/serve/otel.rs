//! Where traces go: the variables of OpenTelemetry, as its specification reads them.
//!
//! An empty variable is one that is not set. What is malformed and can do without is left out with a warning; what would send
//! traces to another place, or in another way, than was asked for is refused. Values are not repeated: they may be secret.

use std::time::Duration;

use http::uri::{Authority, Scheme};
use http::{HeaderMap, HeaderName, HeaderValue, Uri};
use opentelemetry_otlp::tonic_types::transport::{Certificate, ClientTlsConfig, Identity};
use percent_encoding::percent_decode_str;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::failure::Failure;

/// The endpoint if the exporter is asked for by name alone.
const DEFAULT: &str = "http://localhost:4317";

/// How to reach a collector.
pub(super) struct Export {
    /// With its scheme, and nothing that may be secret.
    pub(super) endpoint: String,
    pub(super) tls: Option<Tls>,
    pub(super) timeout: Option<Duration>,
    pub(super) headers: HeaderMap,
    /// What was left out.
    pub(super) warnings: Vec<String>,
}

/// How a collector is known, and how it knows us.
#[derive(Clone, Default)]
pub(super) struct Tls {
    authority: Option<Vec<u8>>,
    identity: Option<[Vec<u8>; 2]>,
}

/// The variables that there are.
struct Variables<V>(V);

/// What is to be exported, if anything is. A flag is preferred to all variables.
pub(super) fn export(
    flag: Option<&str>,
    variables: impl Fn(&str) -> Option<String>,
) -> Result<Option<Export>, Failure> {
    let (variables, mut warnings) = (Variables(variables), Vec::new());
    if variables.is_true("OTEL_SDK_DISABLED", &mut warnings) {
        return Ok(None);
    }
    let Some(by_name) = exporter(&variables)? else { return Ok(None) };
    let of_variable = variables.of_traces("ENDPOINT").map(|(_, value)| value);
    // What the parser of arguments took from the variable is no flag.
    let flag = flag.filter(|&flag| variables.get("OTEL_EXPORTER_OTLP_ENDPOINT").as_deref() != Some(flag));
    let asked = flag.map(str::to_owned).or(of_variable).or(by_name.then(|| DEFAULT.to_owned()));
    let Some(asked) = asked else { return Ok(None) };
    protocol(&variables)?;
    let insecure = variables.of_traces_is_true("INSECURE", &mut warnings);
    let (scheme, authority) = endpoint(&asked, insecure)?;
    let tls = (scheme == Scheme::HTTPS).then(|| tls(&variables)).transpose()?;
    let timeout = timeout(&variables, &mut warnings);
    let headers = headers(&variables, &mut warnings);
    warnings.extend(super::otel_ignored::warnings(|name| variables.get(name)));
    Ok(Some(Export { endpoint: format!("{scheme}://{authority}"), tls, timeout, headers, warnings }))
}

impl<V: Fn(&str) -> Option<String>> Variables<V> {
    fn get(&self, name: &str) -> Option<String> {
        let value = (self.0)(name)?;
        let value = value.trim();
        (!value.is_empty()).then(|| value.to_owned())
    }

    /// The variable for traces, or the one for all signals; and its name.
    fn of_traces(&self, what: &str) -> Option<(String, String)> {
        let names =
            ["OTEL_EXPORTER_OTLP_TRACES_", "OTEL_EXPORTER_OTLP_"].map(|prefix| format!("{prefix}{what}"));
        names.into_iter().find_map(|name| self.get(&name).map(|value| (name, value)))
    }

    fn is_true(&self, name: &str, warnings: &mut Vec<String>) -> bool {
        self.get(name).is_some_and(|value| is_true(name, &value, warnings))
    }

    fn of_traces_is_true(&self, what: &str, warnings: &mut Vec<String>) -> bool {
        self.of_traces(what).is_some_and(|(name, value)| is_true(&name, &value, warnings))
    }
}

fn is_true(name: &str, value: &str, warnings: &mut Vec<String>) -> bool {
    let is_true = value.eq_ignore_ascii_case("true");
    if !is_true && !value.eq_ignore_ascii_case("false") {
        warnings.push(format!("{name} is neither true nor false, and was taken for false"));
    }
    is_true
}

/// Whether the exporter is asked for by its name; `None` if there is to be none.
fn exporter(variables: &Variables<impl Fn(&str) -> Option<String>>) -> Result<Option<bool>, Failure> {
    match variables.get("OTEL_TRACES_EXPORTER").as_deref() {
        None => Ok(Some(false)),
        Some("otlp") => Ok(Some(true)),
        Some("none") => Ok(None),
        Some(_) => Err(Failure::usage(
            "OTEL_TRACES_EXPORTER names an exporter that is not supported: write otlp or none",
        )),
    }
}

fn protocol(variables: &Variables<impl Fn(&str) -> Option<String>>) -> Result<(), Failure> {
    match variables.of_traces("PROTOCOL") {
        None => Ok(()),
        Some((_, protocol)) if protocol == "grpc" => Ok(()),
        Some((name, _)) => Err(Failure::usage(format!(
            "{name} names a protocol that is not supported: write grpc, and the port of the collector for gRPC \
             (mostly 4317)"
        ))),
    }
}

/// The address is not repeated if it is wrong: it may hold a password, which does not belong there.
fn endpoint(text: &str, insecure: bool) -> Result<(Scheme, Authority), Failure> {
    let refused = || {
        Failure::usage(
            "cannot use the OTLP endpoint: write http://HOST:PORT, https://HOST:PORT, or HOST:PORT (which is https, \
             unless OTEL_EXPORTER_OTLP_INSECURE is true), without user and password (see OTEL_EXPORTER_OTLP_HEADERS)",
        )
    };
    let with_scheme = match text.split_once("://") {
        Some((scheme, _)) if !scheme.contains(['/', '?', '#']) => text.to_owned(),
        _ if insecure => format!("http://{text}"),
        _ => format!("https://{text}"),
    };
    let parts = with_scheme.parse::<Uri>().map_err(|_| refused())?.into_parts();
    match (parts.scheme, parts.authority) {
        (Some(scheme), Some(authority))
            if (scheme == Scheme::HTTP || scheme == Scheme::HTTPS)
                && !authority.as_str().contains('@')
                && !authority.host().is_empty()
                && has_sane_port(&authority) =>
        {
            Ok((scheme, authority))
        }
        _ => Err(refused()),
    }
}

/// `HOST:` and `HOST:99999` are mistakes.
fn has_sane_port(authority: &Authority) -> bool {
    authority.as_str().len() == authority.host().len() || authority.port_u16().is_some()
}

fn tls(variables: &Variables<impl Fn(&str) -> Option<String>>) -> Result<Tls, Failure> {
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
    pub(super) fn config(self, with_system: bool) -> ClientTlsConfig {
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
fn timeout(
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
fn headers(variables: &Variables<impl Fn(&str) -> Option<String>>, warnings: &mut Vec<String>) -> HeaderMap {
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
    use super::*;

    fn with(flag: Option<&str>, variables: &[(&str, &str)]) -> Result<Option<Export>, Failure> {
        let find =
            |name: &str| variables.iter().find(|(own, _)| *own == name).map(|(_, value)| (*value).to_owned());
        export(flag, find)
    }

    fn endpoint_of(flag: Option<&str>, variables: &[(&str, &str)]) -> Option<String> {
        with(flag, variables).unwrap().map(|export| export.endpoint)
    }

    const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
    const TRACES: &str = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";

    #[test]
    fn nothing_is_exported_unless_somebody_asks() {
        for variables in [
            &[] as &[(&str, &str)],
            &[(ENDPOINT, "")],
            &[(ENDPOINT, " "), (TRACES, "")],
            &[("OTEL_TRACES_EXPORTER", "")],
            &[(ENDPOINT, "http://a:1"), ("OTEL_TRACES_EXPORTER", "none")],
            &[(ENDPOINT, "http://a:1"), ("OTEL_SDK_DISABLED", "true")],
            &[(ENDPOINT, "garbage://"), ("OTEL_SDK_DISABLED", "TRUE")],
            &[(ENDPOINT, "garbage://"), ("OTEL_TRACES_EXPORTER", "none")],
        ] {
            assert_eq!(endpoint_of(None, variables), None, "{variables:?}");
        }
        assert_eq!(endpoint_of(Some("http://a:1"), &[("OTEL_SDK_DISABLED", "true")]), None);
    }

    #[test]
    fn the_nearest_setting_names_the_endpoint() {
        let (all, traces) = ((ENDPOINT, "http://all:1"), (TRACES, "http://traces:1"));
        for (flag, variables, endpoint) in [
            (Some("http://flag:1"), &[all, traces] as &[_], "http://flag:1"),
            (Some("http://all:1"), &[all, traces], "http://traces:1"),
            (None, &[all, traces], "http://traces:1"),
            (Some("http://all:1"), &[all], "http://all:1"),
            (None, &[all, (TRACES, "")], "http://all:1"),
            (None, &[("OTEL_TRACES_EXPORTER", "otlp")], "http://localhost:4317"),
            (None, &[all, ("OTEL_SDK_DISABLED", "false")], "http://all:1"),
            (None, &[all, ("OTEL_SDK_DISABLED", "")], "http://all:1"),
        ] {
            assert_eq!(endpoint_of(flag, variables).as_deref(), Some(endpoint), "{flag:?} {variables:?}");
        }
    }

    #[test]
    fn an_endpoint_without_a_scheme_is_secure_by_default() {
        for (text, insecure, endpoint) in [
            ("collector:4317", "", "https://collector:4317"),
            ("collector:4317", "false", "https://collector:4317"),
            ("collector:4317", "true", "http://collector:4317"),
            ("collector", "True", "http://collector"),
            ("[::1]:4317", "true", "http://[::1]:4317"),
            ("https://collector:4317", "true", "https://collector:4317"),
            ("http://collector:4317/", "false", "http://collector:4317"),
            ("HTTPS://collector:4317/v1/traces?key=hidden", "", "https://collector:4317"),
        ] {
            let export = with(Some(text), &[("OTEL_EXPORTER_OTLP_INSECURE", insecure)]).unwrap().unwrap();
            assert_eq!(export.endpoint, endpoint, "{text}");
            assert_eq!(export.tls.is_some(), endpoint.starts_with("https"), "{text}");
        }
    }

    #[test]
    fn an_endpoint_that_cannot_be_used_is_refused_and_not_repeated() {
        for wrong in [
            "http://me:hidden@collector:4317",
            "hidden@collector:4317",
            "ftp://hidden:1",
            "unix:///run/hidden",
            "http://",
            "http://:4317",
            "hidden host:4317",
            "hidden:",
            "hidden:99999",
        ] {
            let Err(refused) = with(Some(wrong), &[]) else { panic!("{wrong}") };
            assert!(!refused.sentence().contains("hidden"), "{wrong}");
        }
    }

    #[test]
    fn what_is_not_supported_is_refused_and_what_is_supported_named() {
        for (name, value, supported) in [
            ("OTEL_TRACES_EXPORTER", "console", "otlp or none"),
            ("OTEL_TRACES_EXPORTER", "otlp,console", "otlp or none"),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf", "write grpc"),
            ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/json", "write grpc"),
        ] {
            let Err(refused) = with(Some("http://a:1"), &[(name, value)]) else { panic!("{value}") };
            assert!(refused.sentence().contains(name) && refused.sentence().contains(supported), "{value}");
        }
        assert!(with(Some("http://a:1"), &[("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")]).is_ok());
    }

    #[test]
    fn a_malformed_variable_is_ignored_and_not_repeated() {
        for (name, value) in [
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "hidden"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "-1"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "10s"),
            ("OTEL_SDK_DISABLED", "hidden"),
            ("OTEL_EXPORTER_OTLP_INSECURE", "1"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "hidden"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "a b=hidden"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "a=hid%0Aden"),
        ] {
            let export = with(Some("http://a:1"), &[(name, value)]).unwrap().unwrap();
            assert_eq!(
                (export.warnings.len(), export.timeout, export.headers.len()),
                (1, None, 0),
                "{value}"
            );
            assert!(export.warnings[0].contains(name) && !export.warnings[0].contains("hid"), "{value}");
        }
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
            assert!(refused.sentence().contains(name), "{}", refused.sentence());
            assert!(with(Some("http://a:1"), &[(name, path)]).is_ok(), "it is for TLS");
        }
    }
}
