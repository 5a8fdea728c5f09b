//! `OTEL_RESOURCE_ATTRIBUTES`: what describes this process to a collector.
//!
//! The SDK takes the values as they stand, and leaves out without a word what is malformed. The specification has them
//! percent-encoded.

use percent_encoding::percent_decode_str;

use crate::failure::Failure;

/// The attributes, decoded. A part that is malformed is refused, and not repeated.
pub(crate) fn attributes(text: Option<&str>) -> Result<Vec<(String, String)>, Failure> {
    let parts = text.unwrap_or_default().split(',').map(str::trim).filter(|part| !part.is_empty());
    parts.map(attribute).collect::<Option<_>>().ok_or_else(|| {
        Failure::usage(
            "OTEL_RESOURCE_ATTRIBUTES has a part that cannot be used: write NAME=VALUE,NAME=VALUE, in \
             percent-encoding and without control characters",
        )
    })
}

fn attribute(part: &str) -> Option<(String, String)> {
    let (name, value) = part.split_once('=')?;
    let decoded = |text: &str| {
        let text = percent_decode_str(text.trim()).decode_utf8().ok()?.into_owned();
        (!text.contains(char::is_control)).then_some(text)
    };
    let (name, value) = (decoded(name)?, decoded(value)?);
    (!name.is_empty()).then_some((name, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_are_decoded() {
        let read = attributes(Some(" team = a%20b ,region=eu,empty=,")).unwrap_or_default();
        let pairs: Vec<_> = read.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(pairs, [("team", "a b"), ("region", "eu"), ("empty", "")]);
        assert!(attributes(None).is_ok_and(|none| none.is_empty()));
    }

    #[test]
    fn a_malformed_attribute_is_refused_and_not_repeated() {
        for wrong in ["hidden", "a=b,hidden", "=hidden", "a=hid%0Aden", "a=hid%ffden", "a%00=hidden"] {
            let Err(refused) = attributes(Some(wrong)) else { panic!("{wrong}") };
            let sentence = refused.line();
            assert!(sentence.contains("OTEL_RESOURCE_ATTRIBUTES") && !sentence.contains("hid"), "{sentence}");
        }
    }
}
