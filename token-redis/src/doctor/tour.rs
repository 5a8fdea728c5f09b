//! Which servers to ask: those that the URL names, and those that they know of. All are asked at the same time.

use std::sync::Arc;

use tokio::task::JoinSet;

use super::asker::Asker;
use super::gather::addresses;
use super::scene::{Node, Scene};
use super::sentinels::{self, Sentinels};
use crate::connect::{Address, Shape};

/// As many nodes as a cluster may have. Whoever tells of more is not believed.
const MOST: usize = 1000;

/// Asks all servers.
pub(super) async fn look_at_all(asker: Arc<Asker>) -> Scene {
    let target = asker.target.clone();
    let (nodes, sentinels) = match &target.shape {
        Shape::Single => (visit(&asker, target.named.clone()).await, None),
        Shape::Cluster => (cluster(&asker).await, None),
        Shape::Sentinel { service } => {
            let (nodes, sentinels) = behind_sentinels(&asker, service).await;
            (nodes, Some(sentinels))
        }
    };
    Scene { shape: target.shape.clone(), encrypted: target.certificates().is_some(), nodes, sentinels }
}

/// The nodes that the URL names, then all others that these know of.
async fn cluster(asker: &Arc<Asker>) -> Vec<Node> {
    let mut named: Vec<Address> = Vec::new();
    for address in &asker.target.named {
        if !contains(&named, address) {
            named.push(address.clone());
        }
    }
    let mut nodes = visit(asker, named.clone()).await;
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
    nodes.extend(visit(asker, others).await);
    nodes.sort_by(|a, b| a.name.cmp(&b.name));
    nodes
}

/// The sentinels, then the primary and the replicas that they name.
async fn behind_sentinels(asker: &Arc<Asker>, service: &str) -> (Vec<Node>, Sentinels) {
    let mut visits = JoinSet::new();
    for (place, address) in asker.target.named.iter().cloned().enumerate() {
        let (asker, service) = (asker.clone(), service.to_owned());
        visits.spawn(async move { (place, sentinels::visit(&asker, &address, &service).await) });
    }
    let sentinels = Sentinels { asked: in_order(visits).await };
    let mut servers = sentinels.servers();
    servers.truncate(MOST);
    (visit(asker, servers).await, sentinels)
}

async fn visit(asker: &Arc<Asker>, addresses: Vec<Address>) -> Vec<Node> {
    let mut visits = JoinSet::new();
    for (place, address) in addresses.into_iter().enumerate() {
        let asker = asker.clone();
        visits.spawn(async move { (place, asker.visit(&address).await) });
    }
    in_order(visits).await
}

/// What came of all visits, in the order in which they were begun.
async fn in_order<T: 'static>(visits: JoinSet<(usize, T)>) -> Vec<T> {
    let mut done = visits.join_all().await;
    done.sort_by_key(|(place, _)| *place);
    done.into_iter().map(|(_, seen)| seen).collect()
}

fn contains(addresses: &[Address], address: &Address) -> bool {
    addresses.iter().any(|other| other == address)
}
