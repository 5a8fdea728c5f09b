//! The uses and answers by one clock: the only input of the checker.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// The clock of a history: nanoseconds since its start.
#[derive(Clone, Copy)]
pub(crate) struct Clock(Instant);

impl Clock {
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    pub(crate) fn now(self) -> u64 {
        u64::try_from(self.0.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}

/// The answer of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    Accepted,
    Refused,
    /// The node could not find out.
    NotKnown,
}

/// A use of a token on a node.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Use {
    /// The number of the token, in the order of revocation.
    pub(crate) token: usize,
    pub(crate) asked: u64,
    pub(crate) answered: u64,
    pub(crate) answer: Answer,
}

/// An acknowledged revocation, confirmed at the default level of the store.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Revoked {
    pub(crate) token: usize,
    pub(crate) acknowledged: u64,
}

/// The history of a node while it is recorded.
#[derive(Default)]
pub(crate) struct Journal(Mutex<Vec<Use>>);

impl Journal {
    pub(crate) fn note(&self, used: Use) {
        self.lock().push(used);
    }

    /// Takes all entries.
    pub(crate) fn take(&self) -> Vec<Use> {
        std::mem::take(&mut *self.lock())
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Use>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
