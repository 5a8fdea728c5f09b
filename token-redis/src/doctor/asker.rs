//! How servers are asked.

use std::sync::Arc;
use std::time::Duration;

use super::role::Role;
use crate::connect::Target;
use crate::keys::Namespace;
use crate::trouble::Stage;

/// How servers are asked.
pub(super) struct Asker {
    pub(super) target: Arc<Target>,
    pub(super) namespace: Namespace,
    pub(super) role: Role,
    /// How long one server may take for all of it.
    pub(super) deadline: Duration,
}

impl Asker {
    /// Every server is met for the first time.
    pub(super) fn stage(&self) -> Stage {
        Stage::Connecting { tls: self.target.certificates().is_some() }
    }
}
