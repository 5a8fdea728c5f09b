//! The subjects, one per file: the work of a call, and the configuration.

pub(crate) mod axum_session;
pub(crate) mod deadpool;
pub(crate) mod floor;
pub(crate) mod fred;
pub(crate) mod ours;
pub(crate) mod redis_benchmark;
pub(crate) mod tower_sessions;

use std::sync::Arc;

use crate::outcome::{Outcome, failure};

/// The item with this number, modulo the length.
pub(crate) fn pick<T>(all: &Arc<[T]>, number: usize) -> Outcome<&T> {
    all.get(number % all.len().max(1)).ok_or_else(|| failure("there is no token at all"))
}
