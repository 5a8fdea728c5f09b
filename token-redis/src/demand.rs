//! A demand, as `validate.lua` takes it.

use token_core::{Demand, Mode, Need, SubjectHash};

/// `ARGV` of `validate.lua`.
pub(crate) fn arguments(demand: &Demand, mode: Mode) -> Vec<Vec<u8>> {
    let mode = match mode {
        Mode::Use => b"use".to_vec(),
        Mode::Peek => b"peek".to_vec(),
    };
    let subject =
        demand.demanded_subject().map_or_else(Vec::new, |subject| SubjectHash::of(subject).check.to_vec());
    [mode, subject].into_iter().chain(demand.needs().iter().map(need)).collect()
}

/// One byte of permission bits, then the node and its ancestors.
fn need(need: &Need) -> Vec<u8> {
    let mut bytes = vec![need.scope().permission.bits()];
    need.path().for_each(|node| bytes.extend(node.as_bytes()));
    bytes
}
