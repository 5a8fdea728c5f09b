//! Finds the servers: those that the URL names, and those that they know of. All are asked at the same time.

use std::sync::Arc;

use tokio::task::JoinSet;

use super::collector::Collector;
use super::queries::addresses;
use super::sentinels::{self, Sentinels};
use super::snapshot::{Node, Snapshot};
use token_redis::inspect::{Address, TopologyKind};

/// As many nodes as a cluster may have. Further ones are ignored.
const MOST: usize = 1000;

/// Asks all servers.
pub(super) async fn take_snapshot(collector: Arc<Collector>) -> Snapshot {
    let target = &collector.target;
    let (nodes, sentinels) = match target.topology() {
        TopologyKind::Server => (query(&collector, target.named().to_vec()).await, None),
        TopologyKind::Cluster => (cluster(&collector).await, None),
        TopologyKind::Sentinel { service } => {
            let (nodes, sentinels) = behind_sentinels(&collector, service).await;
            (nodes, Some(sentinels))
        }
    };
    let (kind, encrypted) = (target.topology().clone(), target.is_encrypted());
    Snapshot { kind, encrypted, nodes, sentinels }
}

/// The nodes that the URL names, then all others that these know of.
async fn cluster(collector: &Arc<Collector>) -> Vec<Node> {
    let mut named: Vec<Address> = Vec::new();
    for address in collector.target.named() {
        if !contains(&named, address) {
            named.push(address.clone());
        }
    }
    let mut nodes = query(collector, named.clone()).await;
    // One node may be named twice, by different names for its address.
    let mut ids: Vec<String> = Vec::new();
    nodes.retain_mut(|node| {
        let Some(own) = node.facts.as_ref().ok().and_then(|facts| facts.myself()) else { return true };
        if ids.contains(&own.id) {
            return false;
        }
        ids.push(own.id.clone());
        if let Some(address) = &own.address {
            node.name = address.to_string();
        }
        true
    });
    let mut others: Vec<Address> = Vec::new();
    for node in &nodes {
        let Some(Ok(members)) = node.facts.as_ref().ok().and_then(|facts| facts.members.as_ref()) else {
            continue;
        };
        for (member, address) in addresses(members) {
            let known = ids.contains(&member.id) || contains(&named, address) || contains(&others, address);
            if !known && others.len() < MOST {
                others.push(address.clone());
            }
        }
    }
    nodes.extend(query(collector, others).await);
    nodes.sort_by(|a, b| a.name.cmp(&b.name));
    nodes
}

/// The sentinels, then the primary and the replicas that they name.
async fn behind_sentinels(collector: &Arc<Collector>, service: &str) -> (Vec<Node>, Sentinels) {
    let mut queries = JoinSet::new();
    for (place, address) in collector.target.named().iter().cloned().enumerate() {
        let (collector, service) = (collector.clone(), service.to_owned());
        queries.spawn(async move { (place, sentinels::query(&collector, &address, &service).await) });
    }
    let sentinels = Sentinels { asked: in_order(queries).await };
    let mut servers = sentinels.servers();
    servers.truncate(MOST);
    (query(collector, servers).await, sentinels)
}

async fn query(collector: &Arc<Collector>, addresses: Vec<Address>) -> Vec<Node> {
    let mut queries = JoinSet::new();
    for (place, address) in addresses.into_iter().enumerate() {
        let collector = collector.clone();
        queries.spawn(async move { (place, collector.query(&address).await) });
    }
    in_order(queries).await
}

/// The results of all queries, in the order in which they began.
async fn in_order<T: 'static>(queries: JoinSet<(usize, T)>) -> Vec<T> {
    let mut done = queries.join_all().await;
    done.sort_by_key(|(place, _)| *place);
    done.into_iter().map(|(_, seen)| seen).collect()
}

fn contains(addresses: &[Address], address: &Address) -> bool {
    addresses.iter().any(|other| other == address)
}
