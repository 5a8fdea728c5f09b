//! The map of a record: the members that people and services read, and scripts do not.

use super::Record;
use super::members::{self, Unknown, Writer};
use crate::names::{Actor, Label};

const USER: &str = "user";
const ISSUED: &str = "issued";
const LABEL: &str = "label";
const ISSUER: &str = "issuer";

/// The unparsed members of the map.
pub(super) struct Body<'a> {
    pub(super) subject: &'a str,
    pub(super) issued_at: u64,
    pub(super) label: Option<&'a str>,
    pub(super) issuer: Option<&'a str>,
    pub(super) unknown: Unknown,
}

impl<'a> Body<'a> {
    pub(super) fn read(bytes: &'a [u8]) -> Option<Self> {
        let (mut subject, mut issued_at, mut label, mut issuer) = (None, None, None, None);
        let mut unknown = Unknown::default();
        members::read(bytes, |member| match member.name {
            USER => fill(&mut subject, member.value.text()),
            ISSUED => fill(&mut issued_at, member.value.number()),
            LABEL => fill(&mut label, member.value.text()),
            ISSUER => fill(&mut issuer, member.value.text()),
            _ => {
                unknown.push(&member);
                Some(())
            }
        })?;
        Some(Self { subject: subject?, issued_at: issued_at?, label, issuer, unknown })
    }
}

/// Sets a member; `None` if it is repeated or has a value of another type.
fn fill<T>(place: &mut Option<T>, value: Option<T>) -> Option<()> {
    let earlier = place.replace(value?);
    earlier.is_none().then_some(())
}

/// Appends the map of a record.
pub(super) fn append(bytes: &mut Vec<u8>, record: &Record) {
    let mut body = Writer::default();
    body.text(USER, Some(record.subject.as_str()));
    body.number(ISSUED, record.issued_at.as_millis());
    body.text(LABEL, record.label.as_ref().map(Label::as_str));
    body.text(ISSUER, record.issuer.as_ref().map(Actor::as_str));
    body.as_read(&record.unknown);
    body.append_to(bytes);
}
