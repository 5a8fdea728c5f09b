//! Durations: nothing panics or overflows, and a parsed duration parses back from its own text as the same length.
#![no_main]

use libfuzzer_sys::fuzz_target;
use token_core::Span;

fuzz_target!(|text: &str| {
    for span in [text.parse::<Span>(), Span::parse_with_bare_seconds(text)].into_iter().flatten() {
        assert!(span <= Span::MAX && span.as_millis() > 0);
        assert_eq!(span.to_string().parse(), Ok(span));
    }
});
