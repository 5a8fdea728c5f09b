//! A line of the log for people: `TIME LEVEL target: message name=value …`.
//!
//! A value that could be taken for more than one is quoted, and what is not seen in it is escaped, so that nothing in a value
//! can look like another field or another line.

use std::fmt::{self, Write};

use token_core::spi::{Clock, SystemClock};
use tracing::field::{Field, Visit};
use tracing::{Level, Metadata};

use super::hidden::is_hidden;
use super::lines::Line;

/// A line that is being written.
pub(crate) struct Text {
    head: String,
    message: String,
    fields: String,
}

impl Line for Text {
    fn begin(metadata: &Metadata<'_>, colour: bool) -> Self {
        let level = metadata.level();
        let (on, off) = if colour { (code(*level), "\u{1b}[0m") } else { ("", "") };
        let head = format!("{} {on}{level:>5}{off} {}:", SystemClock.now(), metadata.target());
        Self { head, message: String::new(), fields: String::new() }
    }

    fn end(self, _: &Metadata<'_>) -> Vec<u8> {
        let Self { mut head, message, fields } = self;
        head.push_str(&message);
        head.push_str(&fields);
        head.push('\n');
        head.into_bytes()
    }
}

/// The escape sequence for the colour of a level.
fn code(level: Level) -> &'static str {
    match level {
        Level::ERROR => "\u{1b}[31m",
        Level::WARN => "\u{1b}[33m",
        Level::INFO => "\u{1b}[32m",
        Level::DEBUG => "\u{1b}[34m",
        Level::TRACE => "\u{1b}[35m",
    }
}

impl Text {
    fn put(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            self.message.push(' ');
            put(&mut self.message, value, is_plain_message(value));
        } else {
            self.fields.push(' ');
            self.fields.push_str(field.name());
            self.fields.push('=');
            put(&mut self.fields, value, is_plain(value));
        }
    }
}

impl Visit for Text {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, &format!("{value:?}"));
    }
}

/// Whether a value needs no quotes: it is one visible word.
fn is_plain(value: &str) -> bool {
    let fits = |c: char| match c {
        '=' | '"' | '\'' | '`' | '\\' | ' ' => false,
        c if c.is_ascii() => c.is_ascii_graphic(),
        c => c.is_alphanumeric() && !is_hidden(c),
    };
    !value.is_empty() && value.chars().all(fits)
}

/// A message may be several words.
fn is_plain_message(message: &str) -> bool {
    message.trim() == message && message.split(' ').all(|word| is_plain(&word.replace('\'', "")))
}

fn put(line: &mut String, value: &str, plain: bool) {
    if plain {
        return line.push_str(value);
    }
    line.push('"');
    for c in value.chars() {
        // Writing to a String cannot fail.
        let _ = match c {
            '"' | '\\' => write!(line, "\\{c}"),
            '\n' => line.write_str("\\n"),
            '\r' => line.write_str("\\r"),
            '\t' => line.write_str("\\t"),
            c if is_hidden(c) => write!(line, "{}", c.escape_unicode()),
            c => line.write_char(c),
        };
    }
    line.push('"');
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::lines::logged;
    use super::*;

    /// The fields of a line, read as a program would.
    fn fields(line: &str) -> Vec<(String, String)> {
        let (mut fields, mut rest) = (Vec::new(), line.trim_end_matches('\n'));
        while let Some((name, behind)) = rest.split_once('=') {
            let name = name.rsplit(' ').next().unwrap().to_owned();
            let (value, behind) = match behind.strip_prefix('"') {
                Some(quoted) => unquote(quoted),
                None => {
                    let (value, behind) = behind.split_once(' ').unwrap_or((behind, ""));
                    (value.to_owned(), behind)
                }
            };
            fields.push((name, value));
            rest = behind;
        }
        fields
    }

    fn unquote(text: &str) -> (String, &str) {
        let (mut value, mut chars) = (String::new(), text.char_indices());
        while let Some((at, c)) = chars.next() {
            match c {
                '"' => return (value, &text[at + 1..]),
                '\\' => match chars.next().unwrap().1 {
                    'n' => value.push('\n'),
                    'r' => value.push('\r'),
                    't' => value.push('\t'),
                    'u' => {
                        let digits: String =
                            chars.by_ref().map(|(_, c)| c).skip(1).take_while(|&c| c != '}').collect();
                        value.push(char::from_u32(u32::from_str_radix(&digits, 16).unwrap()).unwrap());
                    }
                    other => value.push(other),
                },
                c => value.push(c),
            }
        }
        panic!("it does not end: {text:?}")
    }

    #[test]
    fn a_line_has_the_message_and_the_fields() {
        let line =
            logged::<Text>(|| tracing::info!(target: "t", route = "/auth", status = 401, "it is done"));
        let (time, rest) = line.split_once(' ').unwrap();
        assert_eq!(time.len(), "2026-11-25T20:00:00.000Z".len());
        assert_eq!(rest, " INFO t: it is done route=/auth status=401\n");
    }

    #[test]
    fn what_could_be_taken_for_more_is_quoted() {
        for (value, shown) in [
            ("", "\"\""),
            ("a b", "\"a b\""),
            ("a=b", "\"a=b\""),
            ("a\"b", "\"a\\\"b\""),
            ("a\\b", "\"a\\\\b\""),
            ("a\r\nb\tc", "\"a\\r\\nb\\tc\""),
            ("a\u{202e}b", "\"a\\u{202e}b\""),
            ("a\u{200b}b", "\"a\\u{200b}b\""),
            ("a\u{3164}b", "\"a\\u{3164}b\""),
            ("\u{1b}[31m", "\"\\u{1b}[31m\""),
            ("Zoë", "Zoë"),
            ("/auth/{*path}", "/auth/{*path}"),
            ("[::1]:80", "[::1]:80"),
        ] {
            let line = logged::<Text>(|| tracing::info!(target: "t", value, "x"));
            assert!(line.ends_with(&format!(" INFO t: x value={shown}\n")), "{line:?}");
        }
    }

    #[test]
    fn a_message_cannot_be_taken_for_a_field() {
        for message in ["done status=200", "a\nb", " a", "say \"x\"", "a\u{202e}b"] {
            let line = logged::<Text>(|| tracing::info!(target: "t", "{message}"));
            assert!(line.trim_end().ends_with('"') && line.lines().count() == 1, "{line:?}");
            assert!(!line.trim_end().chars().any(is_hidden), "{line:?}");
        }
    }

    proptest! {
        #[test]
        fn no_value_forges_a_field_or_a_line(one in "\\PC{0,12}|(?s).{0,12}|[a-z=\"' \\\\\n]{0,12}", two in "(?s).{0,12}") {
            let line = logged::<Text>(|| tracing::warn!(target: "t", one, shown = ?two, said = %two, "x"));
            prop_assert_eq!(line.matches('\n').count(), 1);
            prop_assert!(!line.trim_end_matches('\n').chars().any(is_hidden), "{:?}", line);
            let expected = [("one", one), ("shown", format!("{two:?}")), ("said", two)];
            let expected = expected.map(|(name, value)| (name.to_owned(), value));
            prop_assert_eq!(fields(&line), expected);
        }
    }
}
