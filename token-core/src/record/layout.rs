//! The layout of a token's record in a store: format 2. Every offset in the workspace comes from here; those in scripts
//! are generated from these constants.
//!
//! ```text
//! offset  bytes  holds
//!               state: not sealed, changed in place by the store
//!      0      1  format, 2
//!      1      1  state flags; none is defined, and a token with an unknown flag is refused
//!      2     14  reserved for times and counts of use
//!               sealed part
//!     16      1  flags: 1 slides, 2 has a hard expiry, 4 full access
//!     17      1  version of the store key that sealed it
//!     18      1  kind of token; 0 is the only one
//!     19      6  sliding window, ms (0 without)
//!     25      6  hard expiry, ms since 1970 (0 without)
//!     31      6  not before, ms since 1970; 0 is the only value
//!     37      8  subject check
//!     45      2  number of scopes (0 with full access)
//!     47   17·n  scopes: 16 bytes of node, 1 of permission bits
//!      …      …  MessagePack map: user, issued, label, issuer, and unknown members
//!   last     16  seal
//! ```
//!
//! Numbers are big-endian. Everything that decides a validation has a fixed offset, so that a script inside the store
//! reads it with one unpack. The seal is a keyed hash over the namespace, the token id, the format and the sealed part:
//! someone who can write to the store but has no store key can end tokens, but can neither make nor widen one, nor move
//! one to another namespace.
//!
//! An unknown member of the map is kept unchanged, unless its name begins with a capital letter: such a member limits the
//! token, so a program that does not know it refuses the token.

use std::ops::Range;

/// The format version.
pub const FORMAT: u8 = 2;

/// The greatest number that a format version may get. A greater first byte means damage: text, for example, begins with one.
pub(super) const LATEST_FORMAT: u8 = 31;

/// How many bytes of state precede the sealed part.
pub const STATE_LENGTH: usize = 16;

/// The offset of the version of the store key.
pub const KEY_VERSION: usize = 17;

/// The offset at which the fixed head of the sealed part ends.
pub const HEAD_END: usize = 47;

/// The offsets of the subject check.
pub const SUBJECT_CHECK: Range<usize> = 37..45;

/// The length of a scope in bytes.
pub const SCOPE_LENGTH: usize = 17;

/// The length of the seal in bytes, at the end.
pub const SEAL_LENGTH: usize = 16;

/// How many bytes of the seal a revocation removes. The rest still authenticates what a tombstone keeps, but nobody can
/// write it back as a record.
pub const SEAL_CUT: usize = 8;

/// The flag of a token with a sliding window.
pub const SLIDES: u8 = 1;

/// The flag of a token with a hard expiry.
pub const CAPPED: u8 = 2;

/// The flag of a token with full access.
pub const FULL_ACCESS: u8 = 4;

/// The fixed part for `struct.unpack` of Lua: format and state flags in one number (256 · format without a flag), flags,
/// kind, window, hard expiry, not before, number of scopes.
pub const LUA_HEAD: &str = ">I2xxxxxxxxxxxxxxBxBI6I6I6xxxxxxxxI2";
