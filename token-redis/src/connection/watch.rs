//! Watches the shared connection to a silent server.

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use super::link::{Link, Owner, Watch};
use super::shared::SharedConnections;
use super::store_url::TopologyKind;
use super::topology::Hint;

/// How long calls to one server may fail, without a success, before its connection is replaced.
const PATIENCE: Duration = Duration::from_millis(900);

/// The pause between two queries for another primary while calls fail.
const LOOK: Duration = Duration::from_millis(50);

impl Owner for SharedConnections {
    fn watch(&self, link: &Arc<Link>) {
        // The runtime of the caller may have been dropped.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        if let Some(watch) = link.begin_watch() {
            runtime.spawn(look_after(self.me.clone(), watch));
        }
    }
}

/// Runs until a call succeeds, the topology names another primary, the connection is replaced, or the store is dropped.
async fn look_after(shared: Weak<SharedConnections>, watch: Watch) {
    let link = &watch.0;
    let mut pause = LOOK;
    loop {
        // Usually a call succeeds meanwhile: one caller was dropped, and the server works.
        tokio::time::sleep(pause).await;
        let (Some(failing), Some(shared)) = (link.failing_for(), shared.upgrade()) else { return };
        if shared.has_left(link).await {
            return shared.drop_link(link);
        }
        if failing >= PATIENCE {
            if shared.replace(link).await {
                return;
            }
            // Callers may use another primary already: then no call would notice that this server has left.
            pause = PATIENCE;
        }
    }
}

impl SharedConnections {
    /// Whether the topology names another primary in place of this one.
    async fn has_left(&self, link: &Link) -> bool {
        if self.url.kind == TopologyKind::Server {
            return false;
        }
        let look = self.topology.map_since(Instant::now(), Some(Hint::Avoid(link.address.clone())));
        match tokio::time::timeout(self.limits.connect * 2, look).await {
            Ok(Ok(map)) => !map.primaries().iter().any(|primary| primary.address == link.address),
            _ => false,
        }
    }

    fn drop_link(&self, link: &Arc<Link>) {
        let mut links = self.links_to_change();
        if links.get(&link.address).is_some_and(|there| Arc::ptr_eq(there, link)) {
            links.remove(&link.address);
        }
        drop(links);
        if link.close() {
            self.note_replacement(&link.address);
        }
    }

    /// Replaces the connection; returns whether that succeeded. Callers use the old one until then.
    async fn replace(&self, link: &Link) -> bool {
        let opened = tokio::time::timeout(self.limits.connect * 2, self.open_to(&link.address)).await;
        if let Ok(Ok(connection)) = opened {
            link.install(connection);
            self.note_replacement(&link.address);
            return true;
        }
        if self.stuck.is_due() {
            let server = &link.address;
            tracing::warn!(store = %self.url, %server, "could not replace the connection that validations share");
        }
        false
    }
}
