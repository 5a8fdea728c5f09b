//! The replies of `validate.lua`.

use redis::Value;

use crate::script::Decided;

/// The decision of the script about a use of a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ValidateReply {
    /// The use is admitted.
    Active {
        /// Its record.
        record: Vec<u8>,
        /// When the token expires, in milliseconds.
        dies_at: u64,
        /// The remaining life of the token at the decision, in milliseconds, if there is a grace.
        left: Option<u64>,
    },
    /// There is no such live token.
    Unknown,
    /// The use is refused, provided that the record is authentic.
    Refused(Refusal, Vec<u8>),
    /// The value of the key is not a string.
    WrongType,
}

/// Why a token is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The token belongs to another subject.
    WrongSubject,
    /// Its scopes do not cover the required permission with this index.
    NotPermitted(usize),
    /// Its hard expiry has passed.
    Ended,
    /// The script does not know this form of a record. The decoder finds the reason.
    Unreadable,
}

/// Parses the replies about this many tokens; `None` for anything that the script does not reply.
pub(crate) fn read(value: Value, count: usize) -> Option<Vec<ValidateReply>> {
    let replies = match value {
        Value::Array(replies) => replies,
        one => vec![one],
    };
    let replies: Option<Vec<_>> = replies.into_iter().map(one).collect();
    replies.filter(|replies| replies.len() == count)
}

fn one(reply: Value) -> Option<ValidateReply> {
    let Value::BulkString(mut reply) = reply else { return None };
    let (&decided, rest) = reply.split_first()?;
    match (Decided::of(decided)?, rest) {
        (Decided::Active, rest) => {
            let (&ends_at, rest) = rest.split_first_chunk()?;
            let (&asked_at, record) = rest.split_first_chunk()?;
            let (dies_at, asked_at) = (number(ends_at), number(asked_at));
            let left = (asked_at > 0).then(|| dies_at.saturating_sub(asked_at));
            let head = reply.len() - record.len();
            reply.drain(..head);
            Some(ValidateReply::Active { record: reply, dies_at, left })
        }
        (Decided::Unknown, []) => Some(ValidateReply::Unknown),
        (Decided::WrongType, []) => Some(ValidateReply::WrongType),
        (decided, rest) => {
            let (refusal, head) = refusal(decided, rest)?;
            reply.drain(..head);
            Some(ValidateReply::Refused(refusal, reply))
        }
    }
}

/// A refusal, and the length of the reply before the record.
fn refusal(decided: Decided, rest: &[u8]) -> Option<(Refusal, usize)> {
    match decided {
        Decided::WrongSubject => Some((Refusal::WrongSubject, 1)),
        Decided::Ended => Some((Refusal::Ended, 1)),
        Decided::Unreadable => Some((Refusal::Unreadable, 1)),
        Decided::NotPermitted => {
            let place = u16::from_be_bytes(*rest.first_chunk()?);
            Some((Refusal::NotPermitted(usize::from(place).checked_sub(1)?), 3))
        }
        Decided::Active | Decided::Unknown | Decided::WrongType => None,
    }
}

fn number([a, b, c, d, e, f]: [u8; 6]) -> u64 {
    u64::from_be_bytes([0, 0, a, b, c, d, e, f])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &[u8]) -> Value {
        Value::BulkString(text.to_vec())
    }

    fn active(record: &[u8], dies_at: u64, left: Option<u64>) -> ValidateReply {
        ValidateReply::Active { record: record.to_vec(), dies_at, left }
    }

    #[test]
    fn the_reply_is_a_text_for_one_token_and_else_a_list() {
        assert_eq!(read(text(&[2]), 1), Some(vec![ValidateReply::Unknown]));
        let several = Value::Array(vec![text(&[2]), text(&[7])]);
        assert_eq!(read(several.clone(), 2), Some(vec![ValidateReply::Unknown, ValidateReply::WrongType]));
        assert_eq!(read(several, 3), None, "the number of replies is that of the tokens");
    }

    #[test]
    fn a_live_token_has_an_expiry_and_a_record() {
        let reply = |asked_at: u8| [&[1, 0, 0, 0, 0, 6, 0xa4, 0, 0, 0, 0, 6, asked_at][..], b"rec"].concat();
        assert_eq!(read(text(&reply(0x72)), 1), Some(vec![active(b"rec", 1700, Some(50))]));
        let without_grace = [&[1, 0, 0, 0, 0, 6, 0xa4, 0, 0, 0, 0, 0, 0][..], b"rec"].concat();
        assert_eq!(read(text(&without_grace), 1), Some(vec![active(b"rec", 1700, None)]));
    }

    #[test]
    fn a_refusal_comes_with_its_reason_and_the_record() {
        let refused = |refusal| Some(vec![ValidateReply::Refused(refusal, b"rec".to_vec())]);
        assert_eq!(read(text(b"\x03rec"), 1), refused(Refusal::WrongSubject));
        assert_eq!(read(text(b"\x04\x01\x02rec"), 1), refused(Refusal::NotPermitted(257)));
        assert_eq!(read(text(b"\x06rec"), 1), refused(Refusal::Unreadable));
        assert_eq!(read(text(b"\x05rec"), 1), refused(Refusal::Ended));
    }

    #[test]
    fn an_unknown_reply_is_not_understood() {
        let short = [1, 0, 0];
        for reply in
            [text(b""), text(b"no"), text(&short), text(&[4, 0, 0]), text(&[2, 2]), text(&[8]), Value::Nil]
        {
            assert_eq!(read(reply.clone(), 1), None, "{reply:?}");
        }
    }
}
