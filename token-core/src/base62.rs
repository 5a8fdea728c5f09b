//! Digits of base 62, most significant first, in the order `0-9A-Za-z`.

const ALPHABET: [u8; 62] = *b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// The value of each byte as a digit; [`NOT_A_DIGIT`] for all others.
const VALUES: [u8; 256] = {
    let mut values = [NOT_A_DIGIT; 256];
    let mut digit = 0;
    while digit < ALPHABET.len() {
        #[expect(clippy::indexing_slicing, reason = "evaluated at compile time: a bad index would not build")]
        {
            values[ALPHABET[digit] as usize] = digit as u8;
        }
        digit += 1;
    }
    values
};
const NOT_A_DIGIT: u8 = 0xff;

/// The last digit of a number.
pub(crate) fn digit(value: u32) -> u8 {
    #[expect(clippy::indexing_slicing, reason = "the remainder of a division by 62 is below 62")]
    ALPHABET[(value % 62) as usize]
}

fn value(byte: u8) -> u8 {
    #[expect(clippy::indexing_slicing, reason = "the table has an entry for every byte")]
    VALUES[usize::from(byte)]
}

/// Whether every byte is a digit.
pub(crate) fn is_digits(text: &[u8]) -> bool {
    // No early exit, so that the loop has no branches: token texts are short, and most are well formed.
    text.iter().fold(0, |seen, &byte| seen | value(byte)) & 0x80 == 0
}

/// The last `N` digits of `number`.
pub(crate) fn encode<const N: usize>(mut number: u128) -> [u8; N] {
    let mut text = [0; N];
    for place in text.iter_mut().rev() {
        *place = digit((number % 62) as u32);
        number /= 62;
    }
    text
}

/// The number that up to 21 digits represent; `None` for anything else.
pub(crate) fn decode(text: &[u8]) -> Option<u128> {
    if text.len() > 21 {
        return None;
    }
    text.iter().try_fold(0_u128, |number, &byte| match value(byte) {
        NOT_A_DIGIT => None,
        digit => Some(number * 62 + u128::from(digit)),
    })
}

/// 32 bytes as 43 digits: 62⁴³ is a little more than 2²⁵⁶, so none is lost.
pub(crate) fn encode_256(bytes: &[u8; 32]) -> [u8; 43] {
    let mut limbs = [0_u32; 8];
    for (limb, chunk) in limbs.iter_mut().zip(bytes.as_chunks::<4>().0) {
        *limb = u32::from_be_bytes(*chunk);
    }
    let mut text = [0; 43];
    for place in text.iter_mut().rev() {
        *place = digit(divide_by_62(&mut limbs));
    }
    text
}

/// Long division of the big-endian number by 62; returns the remainder.
fn divide_by_62(limbs: &mut [u32; 8]) -> u32 {
    let mut remainder = 0_u64;
    for limb in limbs {
        let dividend = (remainder << 32) | u64::from(*limb);
        *limb = (dividend / 62) as u32;
        remainder = dividend % 62;
    }
    remainder as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_back() {
        for number in [0, 1, 61, 62, 63, 1023, 62_u128.pow(6) - 1] {
            assert_eq!(decode(&encode::<6>(number)), Some(number));
        }
    }

    #[test]
    fn a_byte_that_is_no_digit_is_refused() {
        for byte in (0..=255).filter(|b: &u8| !b.is_ascii_alphanumeric()) {
            assert!(!is_digits(&[b'0', byte]));
            assert_eq!(decode(&[b'0', byte]), None);
        }
        assert!(is_digits(&ALPHABET));
    }

    #[test]
    fn all_256_bits_reach_the_text() {
        assert_eq!(&encode_256(&[0; 32]), &[b'0'; 43]);
        let mut one = [0; 32];
        one[31] = 1;
        assert!(encode_256(&one).ends_with(b"01"));
        // 2²⁵⁶ − 1 = 62⁴³ × 0.978…: the largest secret still fits, with its first digit below the last one.
        assert!(encode_256(&[0xff; 32]) < [b'z'; 43]);
        let mut texts: Vec<_> = (0..256)
            .map(|bit| {
                let mut bytes = [0_u8; 32];
                bytes[bit / 8] = 1 << (bit % 8);
                encode_256(&bytes)
            })
            .collect();
        texts.sort_unstable();
        texts.dedup();
        assert_eq!(texts.len(), 256);
    }
}
