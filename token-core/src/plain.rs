//! Text files as editors and shells write them: with or without a byte order mark, in UTF-8 or UTF-16.

use zeroize::Zeroizing;

/// Why bytes cannot be read as text. It never repeats them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PlainTextError {
    /// Not UTF-8, and not UTF-16 with a byte order mark.
    #[error("it is not text in UTF-8; save it as UTF-8")]
    NotUtf8,
    /// Zero bytes: usually UTF-16 without a byte order mark.
    #[error("it holds zero bytes, as UTF-16 does; save it as UTF-8")]
    ZeroBytes,
    /// A byte order mark of UTF-16 or UTF-32, followed by something else.
    #[error("it starts like UTF-16 and is not; save it as UTF-8")]
    NotUtf16,
}

/// Reads UTF-8 with or without a byte order mark, or UTF-16 with one (as `>` in Windows PowerShell writes it), and
/// omits the mark. The text is wiped on drop.
///
/// # Errors
/// See [`PlainTextError`].
pub fn plain_text(bytes: &[u8]) -> Result<Zeroizing<String>, PlainTextError> {
    match bytes {
        [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes),
        [0xef, 0xbb, 0xbf, rest @ ..] => utf8(rest),
        _ => utf8(bytes),
    }
}

fn utf8(bytes: &[u8]) -> Result<Zeroizing<String>, PlainTextError> {
    if bytes.contains(&0) {
        return Err(PlainTextError::ZeroBytes);
    }
    let text = std::str::from_utf8(bytes).map_err(|_| PlainTextError::NotUtf8)?;
    Ok(Zeroizing::new(text.to_owned()))
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Result<Zeroizing<String>, PlainTextError> {
    let (pairs, rest) = bytes.as_chunks::<2>();
    // Allocated in full from the start: growing would leave copies of a secret. A unit is at most three bytes of UTF-8.
    let mut text = Zeroizing::new(String::with_capacity(pairs.len() * 3));
    for decoded in char::decode_utf16(pairs.iter().map(|&pair| unit(pair))) {
        match decoded {
            Ok('\0') | Err(_) => return Err(PlainTextError::NotUtf16),
            Ok(c) => text.push(c),
        }
    }
    if rest.is_empty() { Ok(text) } else { Err(PlainTextError::NotUtf16) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn written(text: &str, mark: &[u8], unit: fn(u16) -> [u8; 2]) -> Vec<u8> {
        mark.iter().copied().chain(text.encode_utf16().flat_map(unit)).collect()
    }

    proptest! {
        #[test]
        fn every_encoding_with_a_mark_gives_the_same_text(text in "[^\0\u{feff}]{0,40}") {
            for bytes in [
                text.clone().into_bytes(),
                [b"\xef\xbb\xbf", text.as_bytes()].concat(),
                written(&text, b"\xff\xfe", u16::to_le_bytes),
                written(&text, b"\xfe\xff", u16::to_be_bytes),
            ] {
                let read = plain_text(&bytes).unwrap();
                prop_assert_eq!(read.as_str(), text.as_str());
            }
        }

        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>) {
            let _ = plain_text(&bytes);
        }
    }

    #[test]
    fn bytes_that_are_no_text_are_refused_with_the_reason() {
        for (bytes, error) in [
            (b"tok_\xff".to_vec(), PlainTextError::NotUtf8),
            (written("tok", b"", u16::to_le_bytes), PlainTextError::ZeroBytes),
            (b"\xff\xfea".to_vec(), PlainTextError::NotUtf16),
            (b"\xff\xfe\x00\xd8".to_vec(), PlainTextError::NotUtf16),
            (b"\xff\xfe\0\0a\0\0\0".to_vec(), PlainTextError::NotUtf16),
        ] {
            assert_eq!(plain_text(&bytes).unwrap_err(), error, "{bytes:?}");
        }
    }
}
