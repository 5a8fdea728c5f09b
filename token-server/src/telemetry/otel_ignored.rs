//! Settings of OpenTelemetry that this process cannot follow. Traces are exported without them, and a warning names each.

use crate::failure::Failure;

/// The samplers of the specification that need no server of their own.
const SAMPLERS: [&str; 6] = [
    "always_on",
    "always_off",
    "traceidratio",
    "parentbased_always_on",
    "parentbased_always_off",
    "parentbased_traceidratio",
];

/// The settings of the batches of spans, which the SDK reads by itself; it leaves out what is no number.
const BATCHES: [&str; 3] =
    ["OTEL_BSP_SCHEDULE_DELAY", "OTEL_BSP_MAX_QUEUE_SIZE", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE"];

/// Refuses settings of batches with which no span would ever leave.
pub(crate) fn refuse_zero(get: impl Fn(&str) -> Option<String>) -> Result<(), Failure> {
    match BATCHES.iter().find(|name| get(name).and_then(|text| text.parse().ok()) == Some(0_u64)) {
        Some(name) => Err(Failure::usage(format!("{name} is 0: write a number from 1 on, or leave it out"))),
        None => Ok(()),
    }
}

/// A sentence for each variable that is set and has no effect. Values are not repeated: they may be secret.
pub(crate) fn warnings(get: impl Fn(&str) -> Option<String>) -> Vec<String> {
    let sampler = get("OTEL_TRACES_SAMPLER");
    let mut warnings = Vec::new();
    if sampler.as_deref().is_some_and(|sampler| !SAMPLERS.contains(&sampler)) {
        warnings.push(format!(
            "OTEL_TRACES_SAMPLER names a sampler that is not supported, and was left out; write one of {}",
            SAMPLERS.join(", ")
        ));
    }
    let has_ratio = sampler.is_some_and(|sampler| sampler.ends_with("traceidratio"));
    if has_ratio && get("OTEL_TRACES_SAMPLER_ARG").is_some_and(|text| !is_ratio(&text)) {
        warnings.push("OTEL_TRACES_SAMPLER_ARG is no number from 0 to 1, and was left out".into());
    }
    if get("OTEL_PROPAGATORS")
        .is_some_and(|names| !names.split(',').any(|name| name.trim() == "tracecontext"))
    {
        warnings.push(
            "OTEL_PROPAGATORS was left out: traces are joined by traceparent (tracecontext) alone".into(),
        );
    }
    for name in ["OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", "OTEL_EXPORTER_OTLP_COMPRESSION"] {
        if get(name).is_some_and(|coding| coding != "none") {
            warnings.push(format!("{name} was left out: spans are sent without compression"));
        }
    }
    for name in BATCHES {
        if get(name).is_some_and(|text| text.parse::<u64>().is_err()) {
            warnings.push(format!("{name} is no whole number, and was left out"));
        }
    }
    if get("OTEL_BSP_EXPORT_TIMEOUT").is_some() {
        warnings
            .push("OTEL_BSP_EXPORT_TIMEOUT was left out: OTEL_EXPORTER_OTLP_TIMEOUT ends an export".into());
    }
    warnings
}

fn is_ratio(text: &str) -> bool {
    text.parse::<f64>().is_ok_and(|ratio| (0.0..=1.0).contains(&ratio))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(variables: &[(&str, &str)]) -> Vec<String> {
        warnings(|name| variables.iter().find(|(own, _)| *own == name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn a_setting_without_effect_is_named_and_not_repeated() {
        for (name, value) in [
            ("OTEL_TRACES_SAMPLER", "hidden"),
            ("OTEL_TRACES_SAMPLER", "jaeger_remote"),
            ("OTEL_PROPAGATORS", "hidden,b3"),
            ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"),
            ("OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", "hidden"),
            ("OTEL_BSP_SCHEDULE_DELAY", "hidden"),
            ("OTEL_BSP_MAX_QUEUE_SIZE", "-1"),
            ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "1.5"),
            ("OTEL_BSP_EXPORT_TIMEOUT", "1000"),
        ] {
            let warnings = of(&[(name, value)]);
            assert_eq!(warnings.len(), 1, "{name}");
            assert!(warnings[0].contains(name) && !warnings[0].contains("hidden"), "{}", warnings[0]);
        }
        for ratio in ["2", "-0.1", "NaN", "half"] {
            let ratio = [("OTEL_TRACES_SAMPLER", "traceidratio"), ("OTEL_TRACES_SAMPLER_ARG", ratio)];
            assert!(of(&ratio)[0].contains("from 0 to 1"));
        }
    }

    #[test]
    fn batches_that_never_leave_are_refused() {
        for name in BATCHES {
            let refused = refuse_zero(|own| (own == name).then(|| "0".to_owned()));
            assert!(refused.is_err_and(|failure| failure.line().contains(name)), "{name}");
            assert!(refuse_zero(|own| (own == name).then(|| "10".to_owned())).is_ok(), "{name}");
        }
    }

    #[test]
    fn a_setting_that_is_followed_gives_no_warning() {
        for variables in [
            &[] as &[(&str, &str)],
            &[("OTEL_TRACES_SAMPLER", "parentbased_traceidratio"), ("OTEL_TRACES_SAMPLER_ARG", "0.25")],
            &[("OTEL_TRACES_SAMPLER", "always_on"), ("OTEL_TRACES_SAMPLER_ARG", "unused")],
            &[("OTEL_PROPAGATORS", "tracecontext, baggage"), ("OTEL_EXPORTER_OTLP_COMPRESSION", "none")],
        ] {
            assert_eq!(of(variables), [""; 0]);
        }
    }
}
