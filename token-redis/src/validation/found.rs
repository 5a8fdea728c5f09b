//! What `validate.lua` answers.

use redis::Value;

/// What was found of a token.
pub(crate) enum Found {
    /// It counts, and dies then.
    Active {
        /// Its record.
        record: Vec<u8>,
        /// When it dies, in milliseconds.
        dies_at: i64,
        /// How many milliseconds before it dies it was found, where the server's time was needed.
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
    let Value::Array(answers) = value else { return None };
    let mut answers = answers.into_iter();
    let now = match answers.next()? {
        Value::Int(now) => Some(now),
        _ => None,
    };
    let found: Option<Vec<_>> = (0..count).map(|_| one(now, answers.next()?, answers.next()?)).collect();
    found.filter(|_| answers.next().is_none())
}

fn one(now: Option<i64>, what: Value, record: Value) -> Option<Found> {
    match (what, record) {
        (Value::Int(dies_at), Value::BulkString(record)) => {
            Some(Found::Active { record, dies_at, left: now.map(|now| dies_at.saturating_sub(now)) })
        }
        (Value::BulkString(word), record) => match (word.as_slice(), record) {
            (b"refused", Value::BulkString(record)) => Some(Found::Refused(record)),
            (b"unknown", Value::Nil) => Some(Found::Unknown),
            (b"unreadable", Value::Nil) => Some(Found::Unreadable),
            _ => None,
        },
        _ => None,
    }
}
