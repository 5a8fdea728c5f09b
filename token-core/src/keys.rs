//! The store keys: they make a token's check characters and id, and seal its record.
//!
//! Each key has a version, one character in every token that it made, so that keys can be rotated without issuing tokens
//! again. All nodes share one key file.

use std::fmt;

use rand_chacha::rand_core::CryptoRng;
use zeroize::{Zeroize, Zeroizing};

use crate::key_check::CheckValue;
use crate::plain::{PlainTextError, plain_text};

/// The version of a store key, one character of a token: one of `0-9A-Za-z`. `0` is the built-in public key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyVersion(u8);

impl KeyVersion {
    /// The version of the built-in key, which is public.
    pub const PUBLIC: Self = Self(b'0');

    /// The version with this character, if the byte is one of `0-9A-Za-z`.
    #[must_use]
    pub fn new(byte: u8) -> Option<Self> {
        byte.is_ascii_alphanumeric().then_some(Self(byte))
    }

    /// All possible versions.
    pub fn all() -> impl Iterator<Item = Self> {
        (b'0'..=b'z').filter_map(Self::new)
    }

    /// The character, as a byte.
    #[must_use]
    pub fn byte(self) -> u8 {
        self.0
    }
}

impl fmt::Display for KeyVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", char::from(self.0))
    }
}

/// One version of the store key. Wiped on drop; never printed.
struct StoreKey {
    version: KeyVersion,
    token: Zeroizing<[u8; 32]>,
    seal: Zeroizing<[u8; 32]>,
}

impl StoreKey {
    fn new(version: KeyVersion, key: Zeroizing<[u8; 32]>) -> Self {
        let seal = Zeroizing::new(blake3::derive_key("token-core 2026-11 record seal", key.as_slice()));
        Self { version, token: key, seal }
    }
}

/// The store keys of a deployment: one issues, the others only validate tokens that they issued earlier.
pub struct KeyRing {
    // Never empty; the first one issues.
    keys: Vec<StoreKey>,
}

/// Why a text is not a key file. It never repeats the content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyFileError {
    /// There is no key in it.
    #[error("the key file holds no key; write a line like \"1 HEX\" with 64 hexadecimal digits")]
    Empty,
    /// The file is longer than any set of keys.
    #[error("the key file is longer than {} bytes; name the file with the keys", crate::key_file::MAX_BYTES)]
    TooLong,
    /// The file is not text.
    #[error("the key file cannot be read as text: {0}")]
    NotText(#[from] PlainTextError),
    /// A line is not a version and 64 hexadecimal digits.
    #[error(
        "line {line} of the key file is not a key: write a version (one of 1-9A-Za-z), a space and 64 hexadecimal digits"
    )]
    Line {
        /// Which line, from 1.
        line: usize,
    },
    /// A line uses version `0`, which is the public key's.
    #[error(
        "line {line} of the key file uses version 0, which is kept for the public key; use one of 1-9A-Za-z"
    )]
    PublicVersion {
        /// Which line, from 1.
        line: usize,
    },
    /// Two lines have the same version.
    #[error("line {line} of the key file repeats version {version}")]
    Repeated {
        /// The second of the two lines, from 1.
        line: usize,
        /// The version.
        version: KeyVersion,
    },
}

impl KeyRing {
    /// The ring of the built-in public key, version `0`: it needs no configuration, and detects only typing errors.
    ///
    /// Anyone can make a token text that passes its check, and so cause a look-up; anyone who can write to the store can
    /// write a valid record. Production deployments use a key file.
    #[must_use]
    pub fn public() -> Self {
        let key = blake3::derive_key("token-core 2026-11 public store key", b"");
        Self { keys: vec![StoreKey::new(KeyVersion::PUBLIC, Zeroizing::new(key))] }
    }

    /// Parses the bytes of a key file as [`KeyRing::parse`] does; [`plain_text`] lists the accepted encodings.
    ///
    /// # Errors
    /// See [`KeyFileError`].
    pub fn read(bytes: &[u8]) -> Result<Self, KeyFileError> {
        Self::parse(&plain_text(bytes)?)
    }

    /// Parses a key file: one line for each key, `VERSION HEX`; blank lines and lines that start with `#` are skipped.
    ///
    /// **The first key issues; all of them validate.** To rotate: add the new key as the last line on every node,
    /// then move it to the first line on every node, and remove the old one when its tokens have expired.
    ///
    /// # Errors
    /// See [`KeyFileError`].
    pub fn parse(text: &str) -> Result<Self, KeyFileError> {
        let mut keys: Vec<StoreKey> = Vec::new();
        for (line, content) in (1..).zip(text.lines()) {
            let content = content.trim();
            if content.is_empty() || content.starts_with('#') {
                continue;
            }
            let key = parse_line(content).ok_or(KeyFileError::Line { line })?;
            if key.version == KeyVersion::PUBLIC {
                return Err(KeyFileError::PublicVersion { line });
            }
            if keys.iter().any(|known| known.version == key.version) {
                return Err(KeyFileError::Repeated { line, version: key.version });
            }
            keys.push(key);
        }
        if keys.is_empty() { Err(KeyFileError::Empty) } else { Ok(Self { keys }) }
    }

    /// The version of the key that issues.
    #[must_use]
    pub fn issuing_version(&self) -> KeyVersion {
        self.keys.first().map_or(KeyVersion::PUBLIC, |key| key.version)
    }

    /// The keyed hash of a token's text up to its check characters; `None` if the version is not in this ring.
    pub(crate) fn hash_token(&self, version: KeyVersion, text: &[u8]) -> Option<blake3::Hash> {
        self.key(version).map(|key| blake3::keyed_hash(&key.token, text))
    }

    /// The keyed hash that seals these bytes; `None` if the version is not in this ring.
    pub(crate) fn seal(&self, version: KeyVersion, bytes: &[u8]) -> Option<blake3::Hash> {
        self.key(version).map(|key| blake3::keyed_hash(&key.seal, bytes))
    }

    /// The check value of the key with this version, derived one way: a store keeps it to distinguish the key from others.
    /// `None` if the version is not in this ring.
    #[must_use]
    pub fn check_value(&self, version: KeyVersion) -> Option<CheckValue> {
        let derived = self.key(version).map(|key| {
            Zeroizing::new(blake3::derive_key("token-core 2026-11 store key check", key.token.as_slice()))
        })?;
        derived.first_chunk().copied()
    }

    fn key(&self, version: KeyVersion) -> Option<&StoreKey> {
        self.keys.iter().find(|key| key.version == version)
    }
}

/// Prints the versions, never a key.
impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.keys.iter().map(|key| key.version)).finish()
    }
}

/// The text of a key file with one new key, version `1`, drawn from `rng`.
#[must_use]
pub fn new_key_file(rng: &mut impl CryptoRng) -> Zeroizing<String> {
    let mut key = Zeroizing::new([0; 32]);
    rng.fill_bytes(key.as_mut_slice());
    let hex = blake3::Hash::from_bytes(*key).to_hex();
    Zeroizing::new(format!(
        "# Store keys: secret, and the same on every node. The first key issues, all validate.\n1 {hex}\n"
    ))
}

fn parse_line(line: &str) -> Option<StoreKey> {
    let (version, hex) = line.split_once(char::is_whitespace)?;
    let &[version] = version.as_bytes() else { return None };
    let version = KeyVersion::new(version)?;
    let mut hash = blake3::Hash::from_hex(hex.trim()).ok()?;
    let key = StoreKey::new(version, Zeroizing::new(*hash.as_bytes()));
    hash.zeroize();
    Some(key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rand_chacha::ChaCha20Rng;
    use rand_chacha::rand_core::SeedableRng;

    const HEX: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

    #[test]
    fn the_first_key_of_a_file_issues() {
        let ring = KeyRing::parse(&format!("# keys\n\n2 {HEX}\n 1\t{HEX} \n")).unwrap();
        assert_eq!(ring.issuing_version().to_string(), "2");
        assert!(ring.key(KeyVersion(b'1')).is_some());
        assert!(ring.key(KeyVersion::PUBLIC).is_none(), "a key file shuts the public key out");
    }

    #[test]
    fn each_mistake_in_a_file_is_named_by_its_line() {
        let short = HEX.get(1..).unwrap();
        for (text, error) in [
            (String::new(), KeyFileError::Empty),
            ("# nothing\n".into(), KeyFileError::Empty),
            (HEX.into(), KeyFileError::Line { line: 1 }),
            (format!("1 {HEX}\n2 {short}"), KeyFileError::Line { line: 2 }),
            (format!("12 {HEX}"), KeyFileError::Line { line: 1 }),
            (format!("- {HEX}"), KeyFileError::Line { line: 1 }),
            (format!("0 {HEX}"), KeyFileError::PublicVersion { line: 1 }),
            (format!("1 {HEX}\n1 {HEX}"), KeyFileError::Repeated { line: 2, version: KeyVersion(b'1') }),
        ] {
            let found = KeyRing::parse(&text).unwrap_err();
            assert_eq!(found, error);
            assert!(!found.to_string().contains(short));
        }
    }

    #[test]
    fn a_key_file_is_read_as_any_editor_leaves_it() {
        let plain = format!("# keys\n2 {HEX}\n1 {HEX}\n");
        let utf16 =
            |text: &str| [0xfeff].into_iter().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect();
        for bytes in [
            plain.replace('\n', "\r\n").into_bytes(),
            plain.trim_end().into(),
            plain.replace('\n', " \t\n\n").into_bytes(),
            format!("\u{feff}{plain}").into_bytes(),
            format!("\u{feff}2 {HEX}").into_bytes(),
            utf16(&plain.replace('\n', "\r\n")),
        ] {
            assert_eq!(KeyRing::read(&bytes).unwrap().issuing_version().to_string(), "2", "{bytes:?}");
        }
        let without_mark: Vec<u8> = plain.encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(
            KeyRing::read(&without_mark).unwrap_err(),
            KeyFileError::NotText(PlainTextError::ZeroBytes)
        );
    }

    #[test]
    fn debug_shows_versions_and_no_key() {
        let ring = KeyRing::parse(&format!("a {HEX}")).unwrap();
        assert_eq!(format!("{ring:?}"), "[KeyVersion(97)]");
    }

    proptest! {
        #[test]
        fn a_new_key_file_reads_back_and_differs_each_time(seed: [u8; 32], other: [u8; 32]) {
            prop_assume!(seed != other);
            let file = |seed| new_key_file(&mut ChaCha20Rng::from_seed(seed));
            prop_assert!(KeyRing::parse(&file(seed)).is_ok());
            prop_assert_ne!(file(seed), file(other));
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in "([0-9a-z ]{0,70}\n?){0,4}|\\PC{0,100}") {
            let _ = KeyRing::parse(&text);
        }
    }
}
