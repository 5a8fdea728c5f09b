//! Looks after the shared connection to a server that is silent.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::link::{Link, Owner, Watch};
use super::shared::SharedConnections;
use super::store_url::TopologyKind;
use super::topology::Hint;

/// How long calls to one server may fail without a success before its connection is replaced.
const PATIENCE: Duration = Duration::from_millis(900);

/// Between two looks for another primary while calls fail.
const LOOK: Duration = Duration::from_millis(50);

impl Owner for SharedConnections {
    fn watch(&self, link: &Arc<Link>) {
        // A caller may have been dropped with its runtime.
        let (Ok(runtime), Some(me)) = (tokio::runtime::Handle::try_current(), self.me.upgrade()) else {
            return;
        };
        if let Some(watch) = link.begin_watch() {
            runtime.spawn(me.look_after(watch));
        }
    }
}

impl SharedConnections {
    /// Until a call succeeds, another primary is named, or the connection is replaced.
    async fn look_after(self: Arc<Self>, watch: Watch) {
        let link = &watch.0;
        loop {
            // Mostly a call succeeds meanwhile: a caller was given up, and the server is well.
            tokio::time::sleep(LOOK).await;
            let Some(failing) = link.failing_for() else { return };
            if self.has_left(link).await {
                return self.drop_link(link);
            }
            if failing >= PATIENCE {
                return self.replace(link).await;
            }
        }
    }

    /// Whether the topology names another primary in its place.
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

    /// The old connection is used until there is another one.
    async fn replace(&self, link: &Link) {
        let opened = tokio::time::timeout(self.limits.connect * 2, self.open_to(&link.address)).await;
        link.note_success();
        match opened {
            Ok(Ok(connection)) => {
                link.install(connection);
                self.note_replacement(&link.address);
            }
            _ if self.stuck.is_due() => {
                let server = &link.address;
                tracing::warn!(store = %self.url, %server, "could not replace the connection that validations share");
            }
            _ => {}
        }
    }
}
