//! A MessagePack map with text keys, read member by member. The bytes of unknown members are kept unchanged.

use rmp::Marker;
use rmp_serde::Deserializer;
use serde::Deserialize;
use serde::de::IgnoredAny;

/// A member of a map: its name, its value, and the bytes of both.
pub(crate) struct Member<'a> {
    pub(crate) name: &'a str,
    pub(crate) value: Value<'a>,
    pub(crate) bytes: &'a [u8],
}

/// The value of a member.
#[derive(Clone, Copy)]
pub(crate) enum Value<'a> {
    Text(&'a str),
    Number(u64),
    Other,
}

impl<'a> Value<'a> {
    pub(crate) fn text(self) -> Option<&'a str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    pub(crate) fn number(self) -> Option<u64> {
        if let Self::Number(number) = self { Some(number) } else { None }
    }
}

/// Passes each member of the map to `see`. `None` if the bytes are no such map, continue after it, or `see` gives up.
pub(crate) fn read<'a>(bytes: &'a [u8], mut see: impl FnMut(Member<'a>) -> Option<()>) -> Option<()> {
    let mut rest = bytes;
    let count = rmp::decode::read_map_len(&mut rest).ok()?;
    for _ in 0..count {
        let (name, after_name) = rmp::decode::read_str_from_slice(rest).ok()?;
        let (value, after_value) = read_value(after_name)?;
        let (bytes, _) = rest.split_at_checked(rest.len() - after_value.len())?;
        see(Member { name, value, bytes })?;
        rest = after_value;
    }
    rest.is_empty().then_some(())
}

fn read_value(bytes: &[u8]) -> Option<(Value<'_>, &[u8])> {
    let mut rest = bytes;
    match Marker::from_u8(*bytes.first()?) {
        Marker::FixStr(_) | Marker::Str8 | Marker::Str16 | Marker::Str32 => {
            let (text, rest) = rmp::decode::read_str_from_slice(bytes).ok()?;
            Some((Value::Text(text), rest))
        }
        Marker::FixPos(_) | Marker::U8 | Marker::U16 | Marker::U32 | Marker::U64 => {
            let number = rmp::decode::read_int(&mut rest).ok()?;
            Some((Value::Number(number), rest))
        }
        _ => {
            IgnoredAny::deserialize(&mut Deserializer::new(&mut rest)).ok()?;
            Some((Value::Other, rest))
        }
    }
}

/// Collects members for a map.
#[derive(Default)]
pub(crate) struct Writer {
    count: u32,
    bytes: Vec<u8>,
}

impl Writer {
    pub(crate) fn text(&mut self, name: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.member(name, value);
        }
    }

    pub(crate) fn number(&mut self, name: &str, value: u64) {
        self.member(name, value);
    }

    /// Appends members as they were read.
    pub(crate) fn as_read(&mut self, members: &Unknown) {
        self.count += members.count;
        self.bytes.extend(&members.bytes);
    }

    /// Appends the map.
    pub(crate) fn append_to(self, bytes: &mut Vec<u8>) {
        write(rmp::encode::write_map_len(bytes, self.count));
        bytes.extend(self.bytes);
    }

    fn member(&mut self, name: &str, value: impl serde::Serialize) {
        self.count += 1;
        write(rmp_serde::encode::write(&mut self.bytes, name));
        write(rmp_serde::encode::write(&mut self.bytes, &value));
    }
}

#[expect(clippy::expect_used, reason = "a Vec takes every byte, and strings and numbers always serialize")]
fn write<T, E: std::fmt::Debug>(written: Result<T, E>) {
    written.expect("a string or a number");
}

/// The unknown members of a map, in their order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Unknown {
    count: u32,
    bytes: Vec<u8>,
    limits: bool,
}

impl Unknown {
    pub(crate) fn push(&mut self, member: &Member<'_>) {
        self.count += 1;
        self.bytes.extend(member.bytes);
        self.limits |= member.name.starts_with(|first: char| first.is_ascii_uppercase());
    }

    /// Whether one of them is a restriction, so that a program that does not know it must refuse the whole.
    pub(crate) fn limits(&self) -> bool {
        self.limits
    }
}
