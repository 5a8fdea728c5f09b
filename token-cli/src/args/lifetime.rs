//! Lifetimes as people type them, with advice for what is close to one.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use token_core::{Span, SpanError};

/// A hard limit. A bare number is refused: the ancestor refuses it, too, and it could be of any unit.
pub(crate) fn hard(text: &str) -> Result<Span, String> {
    text.parse().map_err(|error| match error {
        SpanError::NoUnit if text.bytes().all(|byte| byte.is_ascii_digit()) => needs_unit(text),
        error => explained(text, error),
    })
}

/// A length of time that is no lifetime. A bare number is refused, as for [`hard`].
pub(super) fn with_unit(text: &str) -> Result<Span, String> {
    text.parse().map_err(|error| match error {
        SpanError::NoUnit if text.bytes().all(|byte| byte.is_ascii_digit()) => needs_unit(text),
        error => error.to_string(),
    })
}

/// The number with each unit that makes a lifetime of it.
fn needs_unit(text: &str) -> String {
    let number = text.trim_start_matches('0');
    if number.is_empty() {
        return SpanError::Zero.to_string();
    }
    let units = [('s', "seconds"), ('m', "minutes"), ('h', "hours"), ('d', "days")];
    let fitting = units.into_iter().filter(|(unit, _)| format!("{number}{unit}").parse::<Span>().is_ok());
    let ways: Vec<_> = fitting.map(|(unit, name)| format!("{number}{unit} for {name}")).collect();
    match ways.split_last() {
        None => SpanError::TooLong.to_string(),
        Some((last, [])) => format!("the number needs a unit: write {last}"),
        Some((last, others)) => format!("the number needs a unit: write {} or {last}", others.join(", ")),
    }
}

/// A sliding window, of which a bare number is seconds.
pub(crate) fn sliding(text: &str) -> Result<Span, String> {
    Span::parse_with_bare_seconds(text).map_err(|error| explained(text, error))
}

fn explained(text: &str, error: SpanError) -> String {
    let today = TimeZone::UTC.to_datetime(Timestamp::now()).date();
    match date(text) {
        Some(date) => of_date(date, today),
        None if is_like_a_date(text) => {
            "dates are not taken: write how long it shall last from now, like 28d".into()
        }
        None if NO_END.iter().any(|word| text.eq_ignore_ascii_case(word)) => {
            "every token ends: write how long it shall last, at most 36500d (100 years)".into()
        }
        None => error.to_string(),
    }
}

/// What people write for a lifetime without an end.
const NO_END: [&str; 7] = ["never", "none", "forever", "unlimited", "infinite", "infinity", "inf"];

/// Numbers that stand for a year and more: `2027-01`, `31.1.2027`, and days that no calendar has.
fn is_like_a_date(text: &str) -> bool {
    let day = text.split(['T', ' ']).next().unwrap_or_default();
    let parts = |separator| -> Vec<&str> { day.split(separator).collect() };
    let all_numbers = |parts: &[&str]| {
        parts.iter().all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()))
            && parts.iter().any(|part| part.len() == 4)
    };
    // Two numbers with a point are a fraction.
    [('-', 2), ('/', 2), ('.', 3)].into_iter().any(|(separator, least)| {
        let parts = parts(separator);
        (least..=3).contains(&parts.len()) && all_numbers(&parts)
    })
}

/// The date at the start of the text.
fn date(text: &str) -> Option<Date> {
    let date = text.get(..10)?;
    let behind = text.get(10..)?;
    (behind.is_empty() || behind.starts_with(['T', ' '])).then(|| date.parse().ok())?
}

/// A client's clock is not asked for a lifetime; it is good enough for advice.
fn of_date(date: Date, today: Date) -> String {
    let days = date.duration_since(today).as_hours() / 24;
    match days {
        1.. => format!("dates are not taken: write how long it shall last from now; {days}d is until {date}"),
        _ => format!(
            "dates are not taken, and {date} is no date to come: write how long it shall last from now, like 28d"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_for_a_nearly_right_lifetime_says_what_to_write() {
        assert!(hard("600").unwrap_err().contains("600s for seconds"));
        assert_eq!(sliding("600").unwrap().to_string(), "10m");
        assert_eq!(hard("2w").unwrap().to_string(), "14d");
        for text in ["2099-01-31", "2099-01-31T10:00:00Z", "2099-01-31 10:00"] {
            for said in [hard(text).unwrap_err(), sliding(text).unwrap_err()] {
                assert!(said.contains("d is until 2099-01-31"), "{said}");
            }
        }
        assert!(hard("2020-01-31").unwrap_err().contains("no date to come"));
        for text in ["2027-02-29", "2027-13-01T10:00Z", "2027-01", "31.1.2027", "1/31/2027"] {
            for said in [hard(text).unwrap_err(), sliding(text).unwrap_err()] {
                assert!(said.contains("dates are not taken"), "{text}: {said}");
            }
        }
        for text in ["1.5d", "1.5", "1000.5", "0.5h"] {
            assert!(hard(text).unwrap_err().contains("fractions"), "{text}");
        }
        assert!(hard("-2027").unwrap_err().contains("positive"));
    }

    #[test]
    fn the_days_until_a_date_are_counted() {
        let date = |text: &str| text.parse::<Date>().unwrap();
        assert!(of_date(date("2027-01-31"), date("2026-11-28")).contains("64d is until 2027-01-31"));
        assert!(!of_date(date("2026-11-28"), date("2026-11-28")).contains("0d"));
    }
}
