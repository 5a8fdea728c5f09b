//! The part of a record with fixed offsets, and the scopes after it.

use super::layout::{
    CAPPED, FORMAT, FULL_ACCESS, HEAD_END, LATEST_FORMAT, SCOPE_LENGTH, SLIDES, STATE_LENGTH,
};
use super::{Record, RecordError};
use crate::access::Access;
use crate::keys::KeyVersion;
use crate::lifetime::Deadlines;
use crate::partition::SubjectHash;
use crate::scope::{Permission, Scope, Scopes};
use crate::span::Span;
use crate::timestamp::Timestamp;

/// The only kind of token, and the only "not before", that this format defines.
const PERSONAL: u8 = 0;
const AT_ONCE: u64 = 0;

/// The fixed head of the sealed part.
pub(super) struct Head {
    flags: u8,
    pub(super) key_version: KeyVersion,
    kind: u8,
    window: u64,
    hard_expiry: u64,
    not_before: u64,
    pub(super) subject_check: [u8; 8],
    scopes: u16,
}

impl Head {
    pub(super) fn of(record: &Record, key_version: KeyVersion) -> Self {
        let (window, hard_expiry) = (record.deadlines.window(), record.deadlines.cap());
        let scopes = record.access.scopes().map_or(0, |scopes| scopes.iter().len());
        let mut flags = 0;
        flags |= if window.is_some() { SLIDES } else { 0 };
        flags |= if hard_expiry.is_some() { CAPPED } else { 0 };
        flags |= if record.access == Access::Full { FULL_ACCESS } else { 0 };
        Self {
            flags,
            key_version,
            kind: PERSONAL,
            window: window.map_or(0, Span::as_millis),
            hard_expiry: hard_expiry.map_or(0, Timestamp::as_millis),
            not_before: AT_ONCE,
            subject_check: SubjectHash::of(&record.subject).check,
            scopes: u16::try_from(scopes).unwrap_or(u16::MAX),
        }
    }

    /// The bytes of the head, preceded by the state of an unused token.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEAD_END + 80);
        bytes.push(FORMAT);
        bytes.resize(STATE_LENGTH, 0);
        bytes.extend([self.flags, self.key_version.byte(), self.kind]);
        bytes.extend(last_six(self.window));
        bytes.extend(last_six(self.hard_expiry));
        bytes.extend(last_six(self.not_before));
        bytes.extend(self.subject_check);
        bytes.extend(self.scopes.to_be_bytes());
        bytes
    }

    /// The head, and what follows it.
    pub(super) fn read(bytes: &[u8]) -> Result<(Self, &[u8]), RecordError> {
        match bytes {
            [FORMAT, 0, ..] => Self::parse(bytes).ok_or(RecordError::Form),
            [FORMAT, _, ..] => Err(RecordError::Feature),
            &[newer @ FORMAT..=LATEST_FORMAT, ..] => Err(RecordError::Format(newer)),
            _ => Err(RecordError::Form),
        }
    }

    fn parse(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let (head, rest) = bytes.split_first_chunk::<HEAD_END>()?;
        let (_state, head) = head.split_first_chunk::<STATE_LENGTH>()?;
        let ([flags, key_version, kind], head) = head.split_first_chunk()?;
        let (window, head) = head.split_first_chunk()?;
        let (hard_expiry, head) = head.split_first_chunk()?;
        let (not_before, head) = head.split_first_chunk()?;
        let (subject_check, head) = head.split_first_chunk()?;
        let (scopes, _end) = head.split_first_chunk()?;
        let head = Self {
            flags: *flags,
            key_version: KeyVersion::new(*key_version)?,
            kind: *kind,
            window: from_six(*window),
            hard_expiry: from_six(*hard_expiry),
            not_before: from_six(*not_before),
            subject_check: *subject_check,
            scopes: u16::from_be_bytes(*scopes),
        };
        Some((head, rest))
    }

    /// Whether it uses no feature that only a newer program understands.
    pub(super) fn is_understood(&self) -> bool {
        let known = SLIDES | CAPPED | FULL_ACCESS;
        self.flags & !known == 0 && self.kind == PERSONAL && self.not_before == AT_ONCE
    }

    /// The deadlines, if flags and numbers are consistent.
    pub(super) fn deadlines(&self) -> Option<Deadlines> {
        let slides = self.flags & SLIDES != 0;
        let capped = self.flags & CAPPED != 0;
        if (slides, capped) != (self.window != 0, self.hard_expiry != 0) {
            return None;
        }
        let window = if slides { Some(Span::from_millis(self.window).ok()?) } else { None };
        Deadlines::new(window, capped.then(|| Timestamp::from_millis(self.hard_expiry)))
    }
}

pub(super) fn push_scopes(bytes: &mut Vec<u8>, access: &Access) {
    for Scope { node, permission } in access.scopes().into_iter().flat_map(Scopes::iter) {
        bytes.extend(node.as_bytes());
        bytes.push(permission.bits());
    }
}

/// The access that the head and the bytes after it describe, and the rest of the bytes.
pub(super) fn read_access<'a>(head: &Head, rest: &'a [u8]) -> Option<(Access, &'a [u8])> {
    let (scopes, body) = rest.split_at_checked(usize::from(head.scopes) * SCOPE_LENGTH)?;
    if head.flags & FULL_ACCESS != 0 {
        return scopes.is_empty().then_some((Access::Full, body));
    }
    let scopes: Option<Vec<Scope>> = scopes.as_chunks::<SCOPE_LENGTH>().0.iter().map(read_scope).collect();
    let access = Scopes::new(scopes?).ok().map(Access::Restricted)?;
    Some((access, body))
}

fn read_scope(bytes: &[u8; SCOPE_LENGTH]) -> Option<Scope> {
    let (node, [bits]) = bytes.split_first_chunk()? else { return None };
    Some(Scope { node: uuid::Uuid::from_bytes(*node), permission: Permission::from_bits(*bits)? })
}

/// Six bytes hold 8 900 years of milliseconds.
fn last_six(number: u64) -> [u8; 6] {
    let [_, _, six @ ..] = number.to_be_bytes();
    six
}

fn from_six([a, b, c, d, e, f]: [u8; 6]) -> u64 {
    u64::from_be_bytes([0, 0, a, b, c, d, e, f])
}
