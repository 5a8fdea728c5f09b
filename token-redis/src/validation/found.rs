//! What `validate.lua` answers.

use redis::Value;

/// What was found of a token.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// It counts, and dies then.
    Active {
        /// Its record.
        record: Vec<u8>,
        /// When it dies, in milliseconds.
        dies_at: i64,
        /// How many milliseconds before it dies it was found, where there is a grace.
        left: Option<i64>,
    },
    /// It does not count; its record says why.
    Refused(Vec<u8>),
    /// There is no such token.
    Unknown,
    /// What is kept of it is no string.
    Unreadable,
}

/// Reads what was found of so many tokens; `None` for what the script does not answer.
pub(crate) fn read(value: Value, count: usize) -> Option<Vec<Found>> {
    let answers = match value {
        Value::Array(answers) => answers,
        one => vec![one],
    };
    let found: Option<Vec<_>> = answers.into_iter().map(one).collect();
    found.filter(|found| found.len() == count)
}

fn one(answer: Value) -> Option<Found> {
    let Value::BulkString(mut text) = answer else { return None };
    match text.as_slice() {
        b"unknown" => Some(Found::Unknown),
        b"unreadable" => Some(Found::Unreadable),
        refused if refused.starts_with(b"refused") => {
            text.drain(..b"refused".len());
            Some(Found::Refused(text))
        }
        active => {
            let (dies_at, rest) = number(active)?;
            let (left, record) = match rest.split_first() {
                Some((b' ', rest)) => {
                    let (now, record) = number(rest)?;
                    (Some(dies_at.saturating_sub(now)), record)
                }
                _ => (None, rest),
            };
            let head = active.len() - record.len();
            text.drain(..head);
            Some(Found::Active { record: text, dies_at, left })
        }
    }
}

/// The number that this begins with, and what comes behind it.
fn number(text: &[u8]) -> Option<(i64, &[u8])> {
    let end = text.iter().position(|byte| !matches!(byte, b'0'..=b'9' | b'-')).unwrap_or(text.len());
    let (number, rest) = text.split_at_checked(end)?;
    Some((std::str::from_utf8(number).ok()?.parse().ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &[u8]) -> Value {
        Value::BulkString(text.to_vec())
    }

    fn active(record: &[u8], dies_at: i64, left: Option<i64>) -> Found {
        Found::Active { record: record.to_vec(), dies_at, left }
    }

    #[test]
    fn one_token_is_told_of_by_a_text_and_several_by_a_list() {
        assert_eq!(read(text(b"unknown"), 1), Some(vec![Found::Unknown]));
        let several = Value::Array(vec![text(b"unknown"), text(b"unreadable")]);
        assert_eq!(read(several.clone(), 2), Some(vec![Found::Unknown, Found::Unreadable]));
        assert_eq!(read(several, 3), None, "as many as were asked about");
    }

    #[test]
    fn a_live_token_dies_at_a_time_and_has_a_record() {
        assert_eq!(read(text(b"1700\x01rec"), 1), Some(vec![active(b"\x01rec", 1700, None)]));
        assert_eq!(read(text(b"1700 1650\x01rec"), 1), Some(vec![active(b"\x01rec", 1700, Some(50))]));
        assert_eq!(read(text(b"-1\x01"), 1), Some(vec![active(b"\x01", -1, None)]), "it has no end yet");
    }

    #[test]
    fn a_refused_record_comes_as_it_is() {
        for record in [b"".as_slice(), b"refused", b"unknown", b"17", b"\xff\x00"] {
            let answer = [b"refused", record].concat();
            assert_eq!(read(text(&answer), 1), Some(vec![Found::Refused(record.to_vec())]));
        }
    }

    #[test]
    fn what_the_script_does_not_answer_is_not_understood() {
        for answer in [text(b""), text(b"no"), text(b"-\x01"), text(b"17 \x01"), Value::Nil, Value::Int(1)] {
            assert_eq!(read(answer.clone(), 1), None, "{answer:?}");
        }
    }
}
