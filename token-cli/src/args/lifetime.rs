//! Lifetimes as people type them, with advice for what is close to one.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use token_core::{Span, SpanError};

/// A hard limit. A bare number is refused: the ancestor refuses it, too, and it could be of any unit.
pub(crate) fn hard(text: &str) -> Result<Span, String> {
    text.parse().map_err(|error| match error {
        SpanError::NoUnit if text.bytes().all(|byte| byte.is_ascii_digit()) => format!(
            "the number needs a unit: write {text}s for seconds, {text}m for minutes, {text}h for hours or {text}d for days"
        ),
        error => explained(text, error),
    })
}

/// A sliding window, of which a bare number is seconds.
pub(crate) fn sliding(text: &str) -> Result<Span, String> {
    Span::parse_with_bare_seconds(text).map_err(|error| explained(text, error))
}

fn explained(text: &str, error: SpanError) -> String {
    let today = TimeZone::UTC.to_datetime(Timestamp::now()).date();
    date(text).map_or_else(|| error.to_string(), |date| of_date(date, today))
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
    fn what_is_close_to_a_lifetime_is_told_what_to_write() {
        assert!(hard("600").unwrap_err().contains("600s for seconds"));
        assert_eq!(sliding("600").unwrap().to_string(), "10m");
        assert_eq!(hard("2w").unwrap().to_string(), "14d");
        for text in ["2099-01-31", "2099-01-31T10:00:00Z", "2099-01-31 10:00"] {
            for said in [hard(text).unwrap_err(), sliding(text).unwrap_err()] {
                assert!(said.contains("d is until 2099-01-31"), "{said}");
            }
        }
        assert!(hard("2020-01-31").unwrap_err().contains("no date to come"));
        assert!(hard("1.5d").unwrap_err().contains("fractions"));
    }

    #[test]
    fn the_days_until_a_date_are_counted() {
        let date = |text: &str| text.parse::<Date>().unwrap();
        assert!(of_date(date("2027-01-31"), date("2026-11-28")).contains("64d is until 2027-01-31"));
        assert!(!of_date(date("2026-11-28"), date("2026-11-28")).contains("0d"));
    }
}
