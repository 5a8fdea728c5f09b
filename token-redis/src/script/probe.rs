//! A probe of whether a server validates.

use super::{Call, VALIDATE};

/// A call that validates a key that no token has.
pub(crate) fn probe(key: String) -> Call {
    Call { script: &VALIDATE, keys: vec![key], arguments: vec![b"peek".to_vec(), b"0".to_vec()] }
}
