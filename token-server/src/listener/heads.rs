//! Where the head of each request ends on a connection of HTTP/1.1, and whether its target has a raw `#`.
//!
//! [`http::Uri`] drops everything from a `#` on. A proxy that appends its own query to a target of its client would lose that
//! query, and with it the requirement. No request target may have a `#` (RFC 9112 §3.2), so such a request is refused. When hyper
//! hands over a request, the `#` is gone: the bytes are looked at before.
//!
//! Hyper is given one head at a time, up to its last byte. What follows waits until the request has come, whose body hyper
//! has measured. So each request belongs to exactly one head that was looked at; a request without one is refused.

use crate::http::unreadable::Unreadable;
use http::Version;
use http_body::Body;
use memchr::memchr;

/// What a client of HTTP/2 says first (RFC 9113 §3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// What comes next on a connection.
#[derive(Debug)]
pub(crate) struct Heads {
    next: Next,
    /// Whether the target of the request that comes next has a `#`.
    has_fragment: bool,
}

#[derive(Debug)]
enum Next {
    /// The first bytes, of which this many are those of [`PREFACE`].
    Preface(usize),
    Head(Head),
    /// A head has been passed on; its request has not come.
    Request,
    /// So many bytes of a body.
    Body(u64),
    /// A body whose length is not known beforehand, and no other request.
    LastBody,
    Http2,
}

/// What has come of a head.
#[derive(Debug, Default)]
struct Head {
    /// How long the current line is so far.
    length: usize,
    /// Whether it is nothing but a carriage return, or empty.
    is_blank: bool,
    /// Whether the request line has come to its end.
    has_line: bool,
}

/// Whether another request may follow on the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Follow {
    May,
    MayNot,
}

impl Default for Heads {
    fn default() -> Self {
        Self { next: Next::Preface(0), has_fragment: false }
    }
}

impl Heads {
    /// Whether hyper may read.
    pub(crate) fn may_read(&self) -> bool {
        !matches!(self.next, Next::Request)
    }

    /// How many of these bytes are passed on now. They are not looked at again.
    pub(crate) fn pass(&mut self, bytes: &[u8]) -> usize {
        let mut rest = bytes;
        while !rest.is_empty() && self.may_read() {
            let passed = self.pass_some(rest);
            rest = rest.get(passed..).unwrap_or_default();
        }
        bytes.len() - rest.len()
    }

    fn pass_some(&mut self, bytes: &[u8]) -> usize {
        match &mut self.next {
            Next::Preface(known) => {
                let left = PREFACE.get(*known..).unwrap_or_default();
                let same = left.iter().zip(bytes).take_while(|(one, other)| one == other).count();
                *known += same;
                if *known == PREFACE.len() {
                    self.next = Next::Http2;
                } else if same < bytes.len() {
                    let said = PREFACE.get(..*known).unwrap_or_default();
                    self.next = Next::Head(Head::default());
                    self.pass(said);
                }
                same
            }
            Next::Head(head) => {
                let (passed, ended) = head.take(bytes, &mut self.has_fragment);
                if ended {
                    self.next = Next::Request;
                }
                passed
            }
            Next::Body(left) => {
                let passed = usize::try_from(*left).map_or(bytes.len(), |left| left.min(bytes.len()));
                *left -= passed as u64;
                if *left == 0 {
                    self.next = Next::Head(Head::default());
                }
                passed
            }
            Next::Request => 0,
            Next::LastBody | Next::Http2 => bytes.len(),
        }
    }

    /// A request has come.
    pub(crate) fn came(&mut self, version: Version, body: &impl Body) -> Result<Follow, Unreadable> {
        match self.next {
            Next::Http2 if version == Version::HTTP_2 => return Ok(Follow::May),
            Next::Request if version < Version::HTTP_2 => {}
            _ => return Err(Unreadable::Malformed),
        }
        self.next = match body.size_hint().exact() {
            Some(0) => Next::Head(Head::default()),
            Some(length) => Next::Body(length),
            None => Next::LastBody,
        };
        match (std::mem::take(&mut self.has_fragment), &self.next) {
            (true, _) => Err(Unreadable::Fragment),
            (false, Next::LastBody) => Ok(Follow::MayNot),
            (false, _) => Ok(Follow::May),
        }
    }
}

impl Head {
    /// How many of these bytes belong to the head, and whether it has come to its end: a blank line behind the request line.
    fn take(&mut self, bytes: &[u8], has_fragment: &mut bool) -> (usize, bool) {
        let mut at = 0;
        while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
            let end = memchr(b'\n', rest);
            let line = rest.get(..end.unwrap_or(rest.len())).unwrap_or_default();
            if !self.has_line && memchr(b'#', line).is_some() {
                *has_fragment = true;
            }
            self.is_blank = match self.length {
                0 => matches!(line, b"" | b"\r"),
                _ => self.is_blank && line.is_empty(),
            };
            self.length += line.len();
            at += line.len();
            if end.is_none() {
                break;
            }
            at += 1;
            self.length = 0;
            if !self.is_blank {
                self.has_line = true;
            } else if self.has_line {
                return (at, true);
            }
        }
        (at, false)
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use proptest::prelude::*;

    use super::*;

    /// Passes all in pieces of this size, and answers what became of each request; its body is as long as said.
    fn requests(stream: &[u8], piece: usize, lengths: &[usize]) -> Vec<Result<Follow, Unreadable>> {
        let (mut heads, mut came) = (Heads::default(), Vec::new());
        let mut at = 0;
        while at < stream.len() {
            let end = stream.len().min(at + piece);
            at += heads.pass(&stream[at..end]);
            if !heads.may_read() {
                let body = Body::from("x".repeat(lengths[came.len()]));
                came.push(heads.came(Version::HTTP_11, &body));
            }
        }
        came
    }

    proptest! {
        #[test]
        fn a_fragment_is_found_in_any_request_of_a_connection(piece in 1_usize..80) {
            let stream = b"\r\nGET /a HTTP/1.1\r\nx: #\r\n\r\nPOST /b HTTP/1.1\ncontent-length: 9\n\nGET /#\n\n#\
                           \r\nGET /c#?d HTTP/1.1\r\nx: y\r\n\r\nPUT #/e HTTP/1.1\r\n\r\nPRI /f HTTP/1.1\r\n\r\n";
            let (good, bad) = (Ok(Follow::May), Err(Unreadable::Fragment));
            prop_assert_eq!(requests(stream, piece, &[0, 9, 0, 0, 0]), [good, good, bad, bad, good]);
        }
    }

    #[test]
    fn a_request_without_a_head_is_refused() {
        let mut heads = Heads::default();
        heads.pass(b"GET / HTTP/1.1\r\n");
        assert_eq!(heads.came(Version::HTTP_11, &Body::empty()), Err(Unreadable::Malformed));
    }

    #[test]
    fn nothing_is_looked_at_behind_the_preface_of_http_2() {
        let mut heads = Heads::default();
        assert_eq!(heads.pass(b"PRI * HTTP/2.0\r\n"), 16);
        let rest = b"\r\nSM\r\n\r\n\0#\r\n\r\n#";
        assert_eq!(heads.pass(rest), rest.len());
        assert_eq!(heads.came(Version::HTTP_2, &Body::empty()), Ok(Follow::May));
        assert_eq!(heads.came(Version::HTTP_11, &Body::empty()), Err(Unreadable::Malformed));
    }
}
