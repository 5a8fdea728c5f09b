//! The fixed part of a record, and the scopes behind it.

use crate::access::Access;
use crate::keys::KeyVersion;
use crate::lifetime::Deadlines;
use crate::partition::SubjectHash;
use crate::record::{Record, RecordError};
use crate::scope::{Permission, Scope, Scopes};
use crate::span::Span;
use crate::timestamp::Timestamp;

const FORMAT_VERSION: u8 = 1;
/// Versions to come are taken from here. A byte beyond them is damage: no text, for one, begins with a lesser one.
const LATEST_VERSION: u8 = 31;
const SLIDES: u8 = 1;
const CAPPED: u8 = 2;
const FULL_ACCESS: u8 = 4;

/// Where the seal stands.
pub(super) const SEAL: std::ops::Range<usize> = 25..33;
const LENGTH: usize = 33;
const SCOPE_LENGTH: usize = 17;

/// The fixed part, without the seal.
pub(super) struct Header {
    flags: u8,
    pub(super) key_version: KeyVersion,
    window: u64,
    cap: u64,
    pub(super) subject_check: [u8; 8],
    scopes: u16,
}

impl Header {
    pub(super) fn of(record: &Record, key_version: KeyVersion) -> Self {
        let (window, cap) = (record.deadlines.window(), record.deadlines.cap());
        let scopes = record.access.scopes().map_or(0, |scopes| scopes.iter().len());
        let mut flags = 0;
        flags |= if window.is_some() { SLIDES } else { 0 };
        flags |= if cap.is_some() { CAPPED } else { 0 };
        flags |= if record.access == Access::Full { FULL_ACCESS } else { 0 };
        Self {
            flags,
            key_version,
            window: window.map_or(0, Span::as_millis),
            cap: cap.map_or(0, Timestamp::as_millis),
            subject_check: SubjectHash::of(&record.subject).check,
            scopes: u16::try_from(scopes).unwrap_or(u16::MAX),
        }
    }

    /// The header with an empty seal.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(LENGTH + 64);
        bytes.extend([FORMAT_VERSION, self.flags, self.key_version.byte()]);
        bytes.extend(last_six(self.window));
        bytes.extend(last_six(self.cap));
        bytes.extend(self.subject_check);
        bytes.extend(self.scopes.to_be_bytes());
        bytes.extend([0; SEAL.end - SEAL.start]);
        bytes
    }

    /// The header, and what stands behind it.
    pub(super) fn read(bytes: &[u8]) -> Result<(Self, &[u8]), RecordError> {
        match bytes.first() {
            Some(&FORMAT_VERSION) => Self::parse(bytes).ok_or(RecordError::Form),
            Some(&newer @ FORMAT_VERSION..=LATEST_VERSION) => Err(RecordError::Format(newer)),
            _ => Err(RecordError::Form),
        }
    }

    fn parse(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let (head, rest) = bytes.split_first_chunk::<LENGTH>()?;
        let ([_version, flags, key_version], head) = head.split_first_chunk()?;
        let (window, head) = head.split_first_chunk()?;
        let (cap, head) = head.split_first_chunk()?;
        let (subject_check, head) = head.split_first_chunk()?;
        let (scopes, _seal) = head.split_first_chunk()?;
        let header = Self {
            flags: *flags,
            key_version: KeyVersion::new(*key_version)?,
            window: from_six(*window),
            cap: from_six(*cap),
            subject_check: *subject_check,
            scopes: u16::from_be_bytes(*scopes),
        };
        Some((header, rest))
    }

    /// The deadlines, if flags and numbers agree with each other.
    pub(super) fn deadlines(&self) -> Option<Deadlines> {
        let slides = self.flags & SLIDES != 0;
        let capped = self.flags & CAPPED != 0;
        if (slides, capped) != (self.window != 0, self.cap != 0) {
            return None;
        }
        let window = if slides { Some(Span::from_millis(self.window).ok()?) } else { None };
        Deadlines::new(window, capped.then(|| Timestamp::from_millis(self.cap)))
    }
}

pub(super) fn push_scopes(bytes: &mut Vec<u8>, access: &Access) {
    for Scope { node, permission } in access.scopes().into_iter().flat_map(Scopes::iter) {
        bytes.extend(node.as_bytes());
        bytes.push(permission.bits());
    }
}

/// The access that the header and the bytes behind it tell of, and what stands behind those.
pub(super) fn read_access<'a>(header: &Header, rest: &'a [u8]) -> Option<(Access, &'a [u8])> {
    let (scopes, body) = rest.split_at_checked(usize::from(header.scopes) * SCOPE_LENGTH)?;
    if header.flags & FULL_ACCESS != 0 {
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

/// Milliseconds of any century to come fit six bytes (8 900 years).
fn last_six(number: u64) -> [u8; 6] {
    let [_, _, six @ ..] = number.to_be_bytes();
    six
}

fn from_six([a, b, c, d, e, f]: [u8; 6]) -> u64 {
    u64::from_be_bytes([0, 0, a, b, c, d, e, f])
}
