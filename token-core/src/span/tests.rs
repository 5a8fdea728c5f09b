use super::*;
use proptest::prelude::*;

#[test]
fn the_documented_forms_are_read() {
    for (text, seconds) in [
        ("20s", 20),
        ("10m", 600),
        ("24h", 86_400),
        ("28d", 2_419_200),
        ("1d12h", 129_600),
        ("1d2h3m4s", 93_784),
        ("90m", 5_400),
        ("2w", 1_209_600),
        ("1w1d", 691_200),
        ("007s", 7),
        ("36500d", 3_153_600_000),
    ] {
        assert_eq!(text.parse::<Span>().unwrap().as_duration().as_secs(), seconds, "{text}");
    }
}

#[test]
fn each_wrong_form_is_refused_with_its_own_reason() {
    for (text, error) in [
        ("", SpanError::Form),
        ("d", SpanError::Form),
        (" 1d", SpanError::Blank),
        ("abcd", SpanError::Form),
        ("10", SpanError::NoUnit),
        ("1h30", SpanError::NoUnit),
        ("5y", SpanError::Unit('y')),
        ("2027-01-31", SpanError::Date),
        ("31/1/2027", SpanError::Date),
        ("1d2w", SpanError::Order),
        ("10M", SpanError::Unit('M')),
        ("10 m", SpanError::Blank),
        ("1d 12h", SpanError::Blank),
        ("1d ", SpanError::Blank),
        ("1d\t", SpanError::Blank),
        ("10ms", SpanError::Word("ms")),
        ("5min", SpanError::Word("min")),
        ("5Min", SpanError::Word("min")),
        ("2days", SpanError::Word("days")),
        ("1week", SpanError::Word("week")),
        ("1h30min", SpanError::Word("min")),
        ("500ms", SpanError::Word("ms")),
        ("10mx", SpanError::Form),
        ("1.5d", SpanError::Fraction),
        ("1,5h", SpanError::Fraction),
        ("-5m", SpanError::Sign),
        ("+5m", SpanError::Plus),
        ("12h1d", SpanError::Order),
        ("1h1h", SpanError::Order),
        ("0", SpanError::Zero),
        ("00", SpanError::Zero),
        ("0s", SpanError::Zero),
        ("0d0h", SpanError::Zero),
        ("36501d", SpanError::TooLong),
        ("99999999999999999999d", SpanError::TooLong),
        ("18446744073709551615d", SpanError::TooLong),
    ] {
        assert_eq!(text.parse::<Span>(), Err(error), "{text:?}");
    }
}

#[test]
fn a_bare_number_is_seconds_only_on_request() {
    assert_eq!(Span::parse_with_bare_seconds("600").unwrap().to_string(), "10m");
    assert_eq!(Span::parse_with_bare_seconds("10m").unwrap().to_string(), "10m");
    assert_eq!(Span::parse_with_bare_seconds("0"), Err(SpanError::Zero));
    assert_eq!(Span::parse_with_bare_seconds("-1"), Err(SpanError::Sign));
    assert_eq!(Span::parse_with_bare_seconds("1.5"), Err(SpanError::Fraction));
    assert_eq!(Span::parse_with_bare_seconds(""), Err(SpanError::Form));
}

proptest! {
    #[test]
    fn whole_seconds_read_back_from_their_text(seconds in 1_u64..=Span::MAX.millis / 1000) {
        let span = Span::from_millis(seconds * 1000).unwrap();
        prop_assert_eq!(span.to_string().parse(), Ok(span));
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in "[0-9dhms.+-]{0,24}|\\PC{0,24}") {
        let _ = text.parse::<Span>();
        let _ = Span::parse_with_bare_seconds(&text);
    }
}
