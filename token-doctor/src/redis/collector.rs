//! How servers are asked.

use std::time::Duration;

use token_redis::Namespace;
use token_redis::inspect::Deployment;

use super::role::Role;

/// How servers are asked.
pub(super) struct Collector {
    pub(super) target: Deployment,
    pub(super) namespace: Namespace,
    pub(super) role: Role,
    /// How long one server may take for all of it.
    pub(super) deadline: Duration,
}
