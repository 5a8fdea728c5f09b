//! Tables in Markdown, and numbers for them.

use crate::spread::Spread;

/// A table; all columns except the first are numbers.
pub(super) fn table(head: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let rules: Vec<String> =
        (0..head.len()).map(|n| if n == 0 { "---" } else { "---:" }.to_owned()).collect();
    let head: Vec<String> = head.iter().map(|&cell| cell.to_owned()).collect();
    let rows: String = rows.into_iter().map(|cells| line(&cells)).collect();
    format!("\n{}{}{rows}", line(&head), line(&rules))
}

/// A number with spaces between thousands.
pub(super) fn count(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place) % 3 == 0 {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

/// The median and the spread.
pub(super) fn spread(spread: &Spread) -> String {
    format!("{} ±{:.0} %", count(spread.median), spread.share() * 100.0)
}

/// Microseconds, with decimals for small values.
pub(super) fn micros(value: f64) -> String {
    if value < 10.0 { format!("{value:.1}") } else { count(value) }
}

/// A ratio.
pub(super) fn ratio(value: f64, of: f64) -> String {
    if of > 0.0 { format!("{:.2}", value / of) } else { "—".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_separated() {
        assert_eq!(
            [1.0, 999.6, 12_345.0, 1_234_567.0].map(count),
            ["1", "1\u{202f}000", "12\u{202f}345", "1\u{202f}234\u{202f}567"]
        );
    }
}
