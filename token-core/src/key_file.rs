//! Reads a key file, for every store and command, with a maximum length and without leaving copies of a key in memory.

use std::io::{self, Read};

use zeroize::Zeroizing;

use crate::keys::{KeyFileError, KeyRing};

/// The maximum length of a key file in bytes: several times the length of all possible keys.
pub(crate) const MAX_BYTES: usize = 64 * 1024;

impl KeyRing {
    /// Reads an open key file to its end, and parses it as [`KeyRing::read`] does.
    ///
    /// # Errors
    /// Outer: the file cannot be read. Inner: it is not a key file, or is longer than 64 KiB.
    pub fn read_from(file: impl Read) -> io::Result<Result<Self, KeyFileError>> {
        // Allocated in full from the start: growing would leave copies of the keys that are not wiped.
        let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_BYTES + 1));
        file.take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes)?;
        Ok(if bytes.len() > MAX_BYTES { Err(KeyFileError::TooLong) } else { Self::read(&bytes) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_too_long_is_refused_as_a_whole() {
        let mut file = format!("1 {}\n", "5eed".repeat(16)).into_bytes();
        assert!(KeyRing::read_from(&file[..]).unwrap().is_ok());
        file.resize(MAX_BYTES, b'\n');
        assert!(KeyRing::read_from(&file[..]).unwrap().is_ok());
        file.push(b'\n');
        assert_eq!(KeyRing::read_from(&file[..]).unwrap().unwrap_err(), KeyFileError::TooLong);
    }
}
