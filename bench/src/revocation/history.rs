//! What was asked and what was answered, by one clock: all that the checker is told.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// The clock of a history: nanoseconds since it began.
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

/// What a node answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    Accepted,
    Refused,
    /// It could not be found out.
    NotKnown,
}

/// A use of a token on a node.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Use {
    /// Which one, in the order of revocation.
    pub(crate) token: usize,
    pub(crate) asked: u64,
    pub(crate) answered: u64,
    pub(crate) answer: Answer,
}

/// A revocation that was acknowledged: confirmed as far as the store promises by default.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Revoked {
    pub(crate) token: usize,
    pub(crate) acknowledged: u64,
}

/// The history of a node, while it is written.
#[derive(Default)]
pub(crate) struct Journal(Mutex<Vec<Use>>);

impl Journal {
    pub(crate) fn note(&self, used: Use) {
        self.lock().push(used);
    }

    /// All of it. Empty afterwards.
    pub(crate) fn take(&self) -> Vec<Use> {
        std::mem::take(&mut *self.lock())
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Use>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
