//! The cluster in the view of one of its nodes.

use std::ops::RangeInclusive;

use redis::RedisResult;

use super::Server;

/// A node, in the view of another node or its own.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Peer {
    pub(super) port: u16,
    pub(super) id: String,
    /// The id of its primary, if it is a replica.
    pub(super) follows: Option<String>,
    /// The slots that it owns; slots that are being moved still belong to their old owner.
    slots: Vec<(u16, u16)>,
    flags: Vec<String>,
}

/// All nodes in the view of this one, ordered by port. The `myself` flag is removed, so the views of different nodes are equal
/// if they agree.
pub(super) async fn view(node: &Server) -> RedisResult<Vec<Peer>> {
    Ok(read(&node.try_command::<String>(&["CLUSTER", "NODES"]).await?))
}

/// Parses the reply to `CLUSTER NODES`.
pub(super) fn read(nodes: &str) -> Vec<Peer> {
    let mut peers: Vec<Peer> = nodes.lines().filter_map(parse).collect();
    peers.sort();
    peers
}

impl Peer {
    /// Whether the node is neither failing nor unknown.
    pub(super) fn is_well(&self) -> bool {
        self.flags.iter().all(|flag| matches!(flag.as_str(), "master" | "slave"))
    }

    pub(super) fn is_primary(&self) -> bool {
        self.follows.is_none()
    }

    pub(super) fn owned(&self) -> impl Iterator<Item = u16> {
        self.slots.iter().flat_map(|&(first, last)| RangeInclusive::new(first, last))
    }
}

/// `ID HOST:PORT@BUS FLAGS PRIMARY PING PONG EPOCH LINK SLOT…`
fn parse(line: &str) -> Option<Peer> {
    let mut words = line.split(' ');
    let id = words.next()?.to_owned();
    let (_, port) = words.next()?.split_once('@')?.0.rsplit_once(':')?;
    let flags = words.next()?.split(',').filter(|&flag| flag != "myself").map(str::to_owned).collect();
    let follows = words.next().filter(|&primary| primary != "-").map(str::to_owned);
    let slots = words.skip(4).filter_map(slots).collect();
    Some(Peer { port: port.parse().ok()?, id, follows, slots, flags })
}

/// `SLOT` or `FIRST-LAST`. Slots that are being moved have another entry in brackets.
fn slots(word: &str) -> Option<(u16, u16)> {
    let (first, last) = word.split_once('-').unwrap_or((word, word));
    Some((first.parse().ok()?, last.parse().ok()?))
}
