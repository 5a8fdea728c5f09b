//! Keeps a subscription at every primary.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use token_core::spi::{PARTITIONS, Partition};
use tokio::task::JoinHandle;

use super::subscription::{PAUSE, Settings, Subscription};
use crate::connection::{Address, SlotMap, Topology, TopologyKind};
use crate::keys::Namespace;

/// The pause between two queries for the primaries while all subscriptions work.
const LOOK: Duration = Duration::from_secs(1);

/// Keeps subscriptions until it is dropped.
pub(super) struct Supervisor(JoinHandle<()>);

impl Supervisor {
    pub(super) fn start(topology: Arc<Topology>, settings: Settings) -> Self {
        Self(tokio::spawn(supervise(topology, Arc::new(settings))))
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn supervise(topology: Arc<Topology>, settings: Arc<Settings>) {
    let mut subscriptions: HashMap<Address, Subscription> = HashMap::new();
    let mut lost = false;
    loop {
        match topology.map().await {
            Ok(map) => {
                lost = false;
                follow(&map, &mut subscriptions, &settings);
            }
            Err(error) => {
                if !std::mem::replace(&mut lost, true) {
                    tracing::warn!(store = %settings.url, %error, "cannot find the primaries to listen to");
                }
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        }
        tokio::time::sleep(PAUSE).await;
        let look = async {
            match settings.url.kind {
                TopologyKind::Cluster => tokio::time::sleep(LOOK).await,
                TopologyKind::Server | TopologyKind::Sentinel { .. } => std::future::pending().await,
            }
        };
        tokio::select! {
            () = look => {}
            () = settings.lost.notified() => topology.forget(),
        }
    }
}

fn follow(map: &SlotMap, subscriptions: &mut HashMap<Address, Subscription>, settings: &Arc<Settings>) {
    let primaries = partitions(map);
    subscriptions.retain(|address, _| primaries.contains_key(address));
    for (address, partitions) in primaries {
        let there = subscriptions.entry(address.clone());
        there.or_insert_with(|| Subscription::at(address, settings.clone())).cover(partitions);
    }
}

/// The partitions of each primary.
fn partitions(map: &SlotMap) -> HashMap<Address, Vec<Partition>> {
    let mut primaries: HashMap<Address, Vec<Partition>> = HashMap::new();
    for partition in (0..PARTITIONS).filter_map(Partition::new) {
        if let Some(primary) = map.primary(Namespace::slot(partition)) {
            primaries.entry(primary.address.clone()).or_default().push(partition);
        }
    }
    primaries
}
