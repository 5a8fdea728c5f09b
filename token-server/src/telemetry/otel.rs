//! Where traces go: the variables of OpenTelemetry, as its specification reads them.
//!
//! An empty variable is one that is not set. What is malformed and can do without is left out with a warning; what would send
//! traces to another place, or in another way, than was asked for is refused. Values are not repeated: they may be secret.

use std::time::Duration;

use http::uri::{Authority, Scheme};
use http::{HeaderMap, Uri};

use super::otel_reach::{Tls, headers, timeout, tls};
use super::otel_resource::attributes;
use crate::failure::Failure;

/// The endpoint if the exporter is asked for by name alone.
const DEFAULT: &str = "http://localhost:4317";

/// How to reach a collector.
pub(crate) struct Export {
    /// With its scheme, and nothing that may be secret.
    pub(crate) endpoint: String,
    pub(crate) tls: Option<Tls>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) headers: HeaderMap,
    /// What describes this process, apart from its name.
    pub(crate) attributes: Vec<(String, String)>,
    /// What was left out.
    pub(crate) warnings: Vec<String>,
}

/// The variables that there are.
pub(crate) struct Variables<V>(V);

/// What is to be exported, if anything is. A flag is preferred to all variables.
pub(crate) fn export(
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
    let mut attributes = attributes(variables.get("OTEL_RESOURCE_ATTRIBUTES").as_deref())?;
    // The variable for the name alone is preferred.
    attributes.retain(|(name, _)| name != "service.name" || variables.get("OTEL_SERVICE_NAME").is_none());
    super::otel_ignored::refuse_zero(|name| variables.get(name))?;
    warnings.extend(super::otel_ignored::warnings(|name| variables.get(name)));
    let endpoint = format!("{scheme}://{authority}");
    Ok(Some(Export { endpoint, tls, timeout, headers, attributes, warnings }))
}

impl<V: Fn(&str) -> Option<String>> Variables<V> {
    pub(crate) fn get(&self, name: &str) -> Option<String> {
        let value = (self.0)(name)?;
        let value = value.trim();
        (!value.is_empty()).then(|| value.to_owned())
    }

    /// The variable for traces, or the one for all signals; and its name.
    pub(crate) fn of_traces(&self, what: &str) -> Option<(String, String)> {
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
    match variables.get("OTEL_TRACES_EXPORTER").map(|name| name.to_ascii_lowercase()).as_deref() {
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
        Some((_, protocol)) if protocol.eq_ignore_ascii_case("grpc") => Ok(()),
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
             unless OTEL_EXPORTER_OTLP_INSECURE is true), without query, fragment, user and password (see \
             OTEL_EXPORTER_OTLP_HEADERS)",
        )
    };
    // The parser of URLs drops a fragment.
    if text.contains(['?', '#']) {
        return Err(refused());
    }
    let with_scheme = match text.split_once("://") {
        Some((scheme, _)) if !scheme.contains('/') => text.to_owned(),
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
            &[(ENDPOINT, "http://a:1"), ("OTEL_TRACES_EXPORTER", "NONE")],
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
            (None, &[("OTEL_TRACES_EXPORTER", "OTLP")], "http://localhost:4317"),
            (None, &[all, ("OTEL_EXPORTER_OTLP_PROTOCOL", "GRPC")], "http://all:1"),
            (None, &[all, ("OTEL_SDK_DISABLED", "false")], "http://all:1"),
            (None, &[all, ("OTEL_SDK_DISABLED", "")], "http://all:1"),
        ] {
            assert_eq!(endpoint_of(flag, variables).as_deref(), Some(endpoint), "{flag:?} {variables:?}");
        }
    }

    #[test]
    fn the_variable_of_the_name_is_preferred() {
        let attributes = ("OTEL_RESOURCE_ATTRIBUTES", "service.name=a,team=b");
        let of = |variables: &[_]| with(Some("http://a:1"), variables).unwrap().unwrap().attributes.len();
        assert_eq!((of(&[attributes]), of(&[attributes, ("OTEL_SERVICE_NAME", "c")])), (2, 1));
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
            ("HTTPS://collector:4317/v1/traces", "", "https://collector:4317"),
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
            "http://collector:4317?key=hidden",
            "https://collector:4317/v1/traces#hidden",
            "collector:4317#hidden",
        ] {
            let Err(refused) = with(Some(wrong), &[]) else { panic!("{wrong}") };
            assert!(!refused.line().contains("hidden"), "{wrong}");
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
            assert!(refused.line().contains(name) && refused.line().contains(supported), "{value}");
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
}
