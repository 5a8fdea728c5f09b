//! Lengths of time as people write them: `20s`, `10m`, `24h`, `28d`, `1d12h`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// A length of time for lifetimes: whole milliseconds, from [`Span::MIN`] to [`Span::MAX`].
///
/// ```
/// use token_core::Span;
///
/// let span: Span = "1d12h".parse()?;
/// assert_eq!(span.as_duration().as_secs(), 36 * 3600);
/// assert_eq!(span.to_string(), "1d12h");
/// assert!("1.5d".parse::<Span>().is_err());
/// # Ok::<(), token_core::SpanError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    millis: u64,
}

/// Why a text, or a [`Duration`], is not a [`Span`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SpanError {
    /// Not the form of a length of time.
    #[error("write it like 20s, 10m, 24h, 28d or 1d12h")]
    Form,
    /// A number without a unit.
    #[error("the number needs a unit: write it like 20s, 10m, 24h or 28d")]
    NoUnit,
    /// A unit that is none of s, m, h, d, w.
    #[error("{0:?} is not a unit; use s, m, h, d or w, like 20s, 10m, 24h or 28d")]
    Unit(char),
    /// The name of a unit, written out or in another form (`min`, `days`, `ms`).
    #[error("{0:?} is not a unit; use s, m, h, d or w, like 20s, 10m, 24h or 28d")]
    Word(&'static str),
    /// A date, judging by its first separator.
    #[error("dates are not taken: write how long it shall last from now, like 28d")]
    Date,
    /// A fraction.
    #[error("fractions are not taken; use whole numbers and a smaller unit, like 36h or 1d12h")]
    Fraction,
    /// A sign in front.
    #[error("it must be a positive length of time, like 20s, 10m, 24h or 28d")]
    Sign,
    /// A plus sign in front.
    #[error("a length of time has no sign: leave the + out, like 20s, 10m, 24h or 28d")]
    Plus,
    /// A blank in it or around it.
    #[error("it has a blank: write it without, like 20s, 10m, 24h, 28d or 1d12h")]
    Blank,
    /// Units not in the order d, h, m, s, or one of them twice.
    #[error("units go from the largest to the smallest, each once, like 1d12h or 1h30m")]
    Order,
    /// Zero, or less than a millisecond.
    #[error("it must be longer than nothing, like 20s, 10m, 24h or 28d")]
    Zero,
    /// Longer than [`Span::MAX`].
    #[error("it is too long; the longest is 36500d (100 years)")]
    TooLong,
}

/// The units and their length in milliseconds, from the largest to the smallest.
const UNITS: [(char, u64); 4] = [('d', 86_400_000), ('h', 3_600_000), ('m', 60_000), ('s', 1_000)];

/// A week is accepted as input; the output uses days.
const WEEK: (char, u64) = ('w', 7 * 86_400_000);

/// Other spellings of units, including those of other programs.
const WORDS: [&str; 25] = [
    "ms", "us", "ns", "msec", "millis", "sec", "secs", "second", "seconds", "min", "mins", "minute",
    "minutes", "hr", "hrs", "hour", "hours", "day", "days", "wk", "week", "weeks", "mo", "month", "months",
];

impl Span {
    /// The shortest: one millisecond.
    pub const MIN: Self = Self { millis: 1 };

    /// The longest: 36 500 days, about a hundred years.
    pub const MAX: Self = Self::days(36_500);

    pub(crate) const fn days(days: u64) -> Self {
        Self { millis: days * 86_400_000 }
    }

    /// A span of this many milliseconds.
    ///
    /// # Errors
    /// [`SpanError::Zero`] and [`SpanError::TooLong`].
    pub fn from_millis(millis: u64) -> Result<Self, SpanError> {
        match millis {
            0 => Err(SpanError::Zero),
            _ if millis > Self::MAX.millis => Err(SpanError::TooLong),
            _ => Ok(Self { millis }),
        }
    }

    /// Parses what [`FromStr`] parses, and a bare number as seconds: a sliding window accepts both.
    ///
    /// # Errors
    /// See [`SpanError`].
    pub fn parse_with_bare_seconds(text: &str) -> Result<Self, SpanError> {
        if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
            return parse_units(&format!("{text}s"));
        }
        text.parse()
    }

    /// The length in milliseconds.
    #[must_use]
    pub fn as_millis(self) -> u64 {
        self.millis
    }

    /// The length as a [`Duration`].
    #[must_use]
    pub fn as_duration(self) -> Duration {
        Duration::from_millis(self.millis)
    }
}

/// Truncates to whole milliseconds.
impl TryFrom<Duration> for Span {
    type Error = SpanError;

    fn try_from(duration: Duration) -> Result<Self, SpanError> {
        Self::from_millis(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
    }
}

impl FromStr for Span {
    type Err = SpanError;

    fn from_str(text: &str) -> Result<Self, SpanError> {
        parse_units(text)
    }
}

fn parse_units(text: &str) -> Result<Span, SpanError> {
    if text.is_empty() {
        return Err(SpanError::Form);
    }
    if text.bytes().all(|byte| byte == b'0') {
        return Err(SpanError::Zero);
    }
    let mut rest = text;
    let known = || std::iter::once(&WEEK).chain(&UNITS);
    let mut units = known();
    let mut millis = 0_u64;
    while !rest.is_empty() {
        let (number, unit, behind) = split_number(rest)?;
        if let Some(word) = word(rest) {
            return Err(SpanError::Word(word));
        }
        if !known().any(|(known, _)| *known == unit) {
            return Err(match unit {
                '.' | ',' => SpanError::Fraction,
                '-' | '/' => SpanError::Date,
                blank if blank.is_whitespace() => SpanError::Blank,
                other => SpanError::Unit(other),
            });
        }
        // `units` only moves forward: a unit that is not among the rest is out of order or repeated.
        let (_, length) = units.find(|(known, _)| *known == unit).ok_or(SpanError::Order)?;
        millis = number.checked_mul(*length).and_then(|n| millis.checked_add(n)).ok_or(SpanError::TooLong)?;
        rest = behind;
    }
    Span::from_millis(millis)
}

/// The unit after the number at the start of `text`, if it is a known word.
fn word(text: &str) -> Option<&'static str> {
    let behind = text.trim_start_matches(|c: char| c.is_ascii_digit());
    let end = behind.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(behind.len());
    let (written, _) = behind.split_at(end);
    WORDS.into_iter().find(|word| written.eq_ignore_ascii_case(word))
}

/// The number at the start of `text`, the character after it, and the rest.
fn split_number(text: &str) -> Result<(u64, char, &str), SpanError> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, behind) = text.split_at(end);
    let mut behind = behind.chars();
    let unit = behind.next();
    if digits.is_empty() {
        return Err(match unit {
            Some('-') => SpanError::Sign,
            Some('+') => SpanError::Plus,
            Some(blank) if blank.is_whitespace() => SpanError::Blank,
            _ => SpanError::Form,
        });
    }
    // All are ASCII digits: parsing fails only if the number is too large.
    let number = digits.parse().map_err(|_| SpanError::TooLong)?;
    Ok((number, unit.ok_or(SpanError::NoUnit)?, behind.as_str()))
}

/// Writes the form that parses back, followed by milliseconds if there are any (`1s250ms`).
impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.millis;
        let mut text = String::new();
        for (unit, length) in UNITS {
            if rest >= length {
                text.push_str(&format!("{}{unit}", rest / length));
                rest %= length;
            }
        }
        if rest > 0 {
            text.push_str(&format!("{rest}ms"));
        }
        f.pad(&text)
    }
}

#[cfg(test)]
mod tests;
