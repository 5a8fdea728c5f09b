//! The request of a validation, in the form that `validate.lua` takes.

use std::hash::{Hash, Hasher};
use std::time::Duration;

use token_core::spi::SubjectHash;
use token_core::{Mode, RequiredPermission, Requirement, TokenId};

use crate::keys::Namespace;
use crate::script::{self, Call};

/// Asks whether a token is valid for a use. Equal requests have the same answer.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct ValidateRequest {
    id: TokenId,
    mode: Mode,
    /// The check of the required subject; empty for any subject.
    subject: Vec<u8>,
    /// The required permissions.
    needs: Vec<u8>,
}

impl ValidateRequest {
    pub(crate) fn new(id: TokenId, requirement: &Requirement, mode: Mode) -> Self {
        let subject = requirement.required_subject().map(|subject| SubjectHash::of(subject).check.to_vec());
        let mut needs = Vec::new();
        requirement.permissions().iter().for_each(|need| push(&mut needs, need));
        Self { id, mode, subject: subject.unwrap_or_default(), needs }
    }

    /// Whether it is a use or a peek.
    pub(crate) fn mode(&self) -> Mode {
        self.mode
    }

    /// The token.
    pub(crate) fn id(&self) -> TokenId {
        self.id
    }
}

/// Hashes only the token: the rest seldom differs.
impl Hash for ValidateRequest {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u128(self.id.bits());
    }
}

/// An id is a hash already.
#[derive(Default)]
pub(crate) struct IdHasher(u64);

impl Hasher for IdHasher {
    fn write_u128(&mut self, id: u128) {
        // Both halves: a hash table uses the lowest and the highest bits.
        self.0 = (id >> 64) as u64 ^ id as u64;
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 = bytes.iter().fold(self.0, |hash, &byte| hash.rotate_left(8) ^ u64::from(byte));
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// One call for all requests, which have the same mode.
pub(super) fn call(requests: &[&ValidateRequest], names: &Namespace, mode: Mode, grace: Duration) -> Call {
    let keys = requests.iter().map(|request| names.record(request.id)).collect();
    let mut arguments = head(mode, grace);
    // If no request has a requirement, the arguments are omitted.
    if requests.iter().any(|request| !request.subject.is_empty() || !request.needs.is_empty()) {
        arguments
            .extend(requests.iter().flat_map(|request| [request.subject.clone(), request.needs.clone()]));
    }
    Call { script: &script::VALIDATE, keys, arguments }
}

fn head(mode: Mode, grace: Duration) -> Vec<Vec<u8>> {
    let mode = match mode {
        Mode::Use => b"use".to_vec(),
        Mode::Peek => b"peek".to_vec(),
    };
    vec![mode, grace.as_millis().to_string().into_bytes()]
}

/// One byte of permission bits, the number of nodes, then the node and its ancestors.
fn push(bytes: &mut Vec<u8>, need: &RequiredPermission) {
    bytes.push(need.scope().permission.bits());
    // The node, and no more ancestors than RequiredPermission::MAX_ANCESTORS.
    let nodes = u16::try_from(need.path().count()).unwrap_or(u16::MAX);
    bytes.extend(nodes.to_be_bytes());
    need.path().take(nodes.into()).for_each(|node| bytes.extend(node.as_bytes()));
}
