//! The replies of scripts: a word and its parts.

use redis::Value;
use token_core::{Timestamp, TokenId};

/// A reply of a script. The head of each script documents the words.
pub(crate) struct Answer(Vec<Value>);

impl Answer {
    /// Parses `{word, part…}`; `None` for anything else.
    pub(crate) fn read(value: Value) -> Option<Self> {
        match value {
            Value::Array(parts) if matches!(parts.first(), Some(Value::BulkString(_))) => Some(Self(parts)),
            _ => None,
        }
    }

    /// The word and its parts, to match on.
    pub(crate) fn split(&self) -> (&[u8], &[Value]) {
        match self.0.as_slice() {
            [Value::BulkString(word), parts @ ..] => (word, parts),
            _ => (b"", &[]),
        }
    }
}

/// A point in time that a script gave in milliseconds.
pub(crate) fn time(millis: i64) -> Timestamp {
    Timestamp::from_millis(u64::try_from(millis).unwrap_or(0))
}

/// The token ids among the values. Other values were written by another program, and are skipped.
pub(crate) fn ids(values: &[Value]) -> Vec<TokenId> {
    values.iter().filter_map(id).collect()
}

/// The token id in this value.
pub(crate) fn id(value: &Value) -> Option<TokenId> {
    match value {
        Value::BulkString(text) => id_of(text),
        _ => None,
    }
}

/// The token id in this text.
pub(crate) fn id_of(text: &[u8]) -> Option<TokenId> {
    std::str::from_utf8(text).ok()?.parse().ok()
}
