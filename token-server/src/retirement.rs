//! That the process will end soon: readiness says so before the process stops to listen.

use std::sync::Arc;

use tokio::sync::watch;

/// Whether the process will end soon. Clones share the answer.
///
/// From then on `/readyz` and the health service of gRPC say that it is not ready, so that no more requests are sent
/// here; those that come all the same are answered.
#[derive(Debug, Clone)]
pub struct Retirement(Arc<watch::Sender<bool>>);

impl Default for Retirement {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(false)))
    }
}

impl Retirement {
    /// The process will end soon.
    pub fn announce(&self) {
        self.0.send_replace(true);
    }

    /// Whether it is announced.
    #[must_use]
    pub fn is_announced(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits until it is announced.
    pub(crate) async fn announced(&self) {
        // The sender lives as long as this.
        let _ = self.0.subscribe().wait_for(|&announced| announced).await;
    }
}
