//! How servers are asked.

use std::sync::Arc;
use std::time::Duration;

use super::role::Role;
use crate::connection::StoreUrl;
use crate::keys::Namespace;
use crate::trouble::ConnectPhase;

/// How servers are asked.
pub(super) struct Collector {
    pub(super) target: Arc<StoreUrl>,
    pub(super) namespace: Namespace,
    pub(super) role: Role,
    /// How long one server may take for all of it.
    pub(super) deadline: Duration,
}

impl Collector {
    /// Every server is met for the first time.
    pub(super) fn stage(&self) -> ConnectPhase {
        ConnectPhase::Connecting { tls: self.target.certificates().is_some() }
    }
}
