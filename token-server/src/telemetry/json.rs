//! A line of the log as JSON, in one object: `timestamp`, `level`, the fields, `target`.
//!
//! Much as `tracing_subscriber` writes it with `flatten_event`, at a third of the cost: that one passes each comma on by
//! itself. Spans are not logged: they are for traces.

use std::cell::RefCell;
use std::fmt::{self, Write};

use serde::Serialize;
use token_core::Timestamp;
use token_core::spi::{Clock, SystemClock};
use tracing::Metadata;
use tracing::field::{Field, Visit};

use super::hidden::is_hidden;
use super::lines::Line;

/// Most lines are shorter.
const LINE: usize = 320;

impl Line for Object {
    fn begin(metadata: &Metadata<'_>, _: bool) -> Self {
        let mut object = Self { text: Vec::with_capacity(LINE) };
        object.name("timestamp").time(SystemClock.now());
        object.name("level").text(metadata.level().as_str());
        object
    }

    fn end(mut self, metadata: &Metadata<'_>) -> Vec<u8> {
        self.name("target").text(metadata.target());
        self.text.extend(b"}\n");
        self.text
    }
}

thread_local! {
    static SECOND: RefCell<Second> = const { RefCell::new(Second { number: u64::MAX, text: String::new() }) };
}

/// The second in which this thread wrote last: most lines are of the same one, and writing a date is dear.
struct Second {
    /// Since 1970.
    number: u64,
    /// As far as it is written.
    text: String,
}

impl Second {
    fn be_of(&mut self, number: u64) {
        if self.number != number {
            self.number = number;
            self.text = format!("{:.0}", Timestamp::from_millis(number.saturating_mul(1000)));
            self.text.pop();
        }
    }
}

/// An object that is being written.
pub(crate) struct Object {
    text: Vec<u8>,
}

impl Object {
    /// Begins a member, whose value comes next.
    fn name(&mut self, name: &str) -> &mut Self {
        self.text.push(if self.text.is_empty() { b'{' } else { b',' });
        debug_assert!(!has_to_be_escaped(name));
        self.quoted(name);
        self.text.push(b':');
        self
    }

    fn time(&mut self, now: Timestamp) {
        let millis = now.as_millis() % 1000;
        SECOND.with_borrow_mut(|second| {
            second.be_of(now.as_millis() / 1000);
            // As Timestamp writes itself, in which nothing needs an escape.
            let digits = [millis / 100, millis / 10 % 10, millis % 10].map(|digit| b'0' + digit as u8);
            self.text.push(b'"');
            self.text.extend_from_slice(second.text.as_bytes());
            self.text.push(b'.');
            self.text.extend_from_slice(&digits);
            self.text.extend_from_slice(b"Z\"");
        });
    }

    fn text(&mut self, text: &str) {
        // Mostly nothing has to be escaped, and looking whether it has costs less than doing it; looking at all bytes costs less
        // than stopping at the first.
        if has_to_be_escaped(text) {
            return self.escaped(text);
        }
        self.quoted(text);
    }

    /// With escapes also for what JSON allows and is not visible: a terminal would obey it.
    fn escaped(&mut self, text: &str) {
        let mut seen = String::with_capacity(text.len() + 16);
        let mut value = Vec::with_capacity(text.len() + 16);
        // A Vec takes every byte, and texts can always be written.
        let _ = serde_json::to_writer(&mut value, text);
        for c in String::from_utf8_lossy(&value).chars() {
            match c {
                c if is_hidden(c) => {
                    for unit in c.encode_utf16(&mut [0; 2]) {
                        // Writing to a String cannot fail.
                        let _ = write!(seen, "\\u{unit:04x}");
                    }
                }
                c => seen.push(c),
            }
        }
        self.text.extend_from_slice(seen.as_bytes());
    }

    /// What needs no escape, as the names of fields: they are written in programs, not taken from anybody.
    fn quoted(&mut self, text: &str) {
        self.text.push(b'"');
        self.text.extend_from_slice(text.as_bytes());
        self.text.push(b'"');
    }

    fn value(&mut self, value: &(impl Serialize + ?Sized)) {
        // A Vec takes every byte, and texts, numbers and truths can always be written.
        let _ = serde_json::to_writer(&mut self.text, value);
    }
}

/// Whether it may have to be: all that is not ASCII is looked at by itself.
fn has_to_be_escaped(text: &str) -> bool {
    text.bytes()
        .fold(false, |any, byte| any | !(b' '..=b'~').contains(&byte) | (byte == b'"') | (byte == b'\\'))
}

/// Text that is written to bytes.
struct Bytes<'a>(&'a mut Vec<u8>);

impl Write for Bytes<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.extend_from_slice(text.as_bytes());
        Ok(())
    }
}

impl Visit for Object {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.name(field.name()).text(value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.name(field.name()).value(&value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.name(field.name()).value(&value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.name(field.name()).value(&value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.name(field.name()).value(&value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        // What needs no escape, as nearly all, is written where it stays.
        self.name(field.name());
        let begun = self.text.len();
        self.text.push(b'"');
        let _ = write!(Bytes(&mut self.text), "{value:?}");
        let written = self.text.get(begun + 1..).map(String::from_utf8_lossy).unwrap_or_default();
        if has_to_be_escaped(&written) {
            let written = written.into_owned();
            self.text.truncate(begun);
            return self.escaped(&written);
        }
        self.text.push(b'"');
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::super::lines::logged;
    use super::*;

    fn line(log: impl FnOnce()) -> Value {
        let text = logged::<Object>(log);
        assert_eq!(text.matches('\n').count(), 1, "one line: {text:?}");
        assert!(!text.trim_end().chars().any(is_hidden), "{text:?}");
        let mut line: Value = serde_json::from_str(&text).unwrap();
        let timestamp = line.as_object_mut().unwrap().remove("timestamp");
        assert_eq!(timestamp.unwrap().as_str().unwrap().len(), "2026-11-25T20:00:00.000Z".len());
        line
    }

    #[test]
    fn a_line_has_all_fields_in_their_kinds() {
        let line = line(|| {
            tracing::info!(target: "t", text = "plain", count = 7_u64, less = -1, part = 0.5, yes = true, none = None::<u64>, "done");
        });
        let expected = json!({
            "level": "INFO", "target": "t", "message": "done",
            "text": "plain", "count": 7, "less": -1, "part": 0.5, "yes": true,
        });
        assert_eq!(line, expected);
    }

    #[test]
    fn a_time_is_written_as_timestamps_are() {
        for millis in [0, 999, 1000, 1_001, 1_000, 59_999, 60_007, 1_790_000_000_123, 1_789_999_999_999, 5] {
            let (time, mut object) = (Timestamp::from_millis(millis), Object { text: Vec::new() });
            object.time(time);
            assert_eq!(String::from_utf8(object.text).unwrap(), format!("\"{time}\""));
        }
    }

    #[test]
    fn nothing_in_a_text_can_end_it_or_the_line() {
        let controls = (0..=0x20_u8).map(|byte| format!("a{}b", char::from(byte)));
        let others =
            ["a\"b", "a\\b", "a\u{7f}b", "Zo\u{eb}", "\u{2028}", "\u{202e}", "\u{200b}", "\u{e0041}", ""]
                .map(str::to_owned);
        for text in controls.chain(others) {
            let text = text.as_str();
            let line = line(|| tracing::info!(target: "t", text, shown = %text, "{text}"));
            for field in ["text", "shown", "message"] {
                assert_eq!(line[field], text, "{field}");
            }
        }
    }

    proptest! {
        #[test]
        fn every_text_is_read_back_from_its_line(text in "(?s).{0,20}") {
            let line = line(|| tracing::info!(target: "t", text, shown = ?text, "{text}"));
            prop_assert_eq!(line["text"].as_str(), Some(text.as_str()));
            prop_assert_eq!(line["message"].as_str(), Some(text.as_str()));
            let shown = format!("{text:?}");
            prop_assert_eq!(line["shown"].as_str(), Some(shown.as_str()));
        }
    }
}
