//! Which primary serves which slots, at one moment.

use std::sync::Arc;

use super::members::{Member, read_members};
use super::store_url::Address;

/// The primary of some slots.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Primary {
    pub(crate) address: Address,
    /// How many replicas it should have: as many as the topology lists, including those that are down, and at least one if the
    /// topology has any replicas. `None` if no topology lists replicas.
    pub(crate) replicas: Option<u32>,
}

const LAST_SLOT: u16 = 16_383;

/// The primaries of all slots, in the order of the slots.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct SlotMap {
    /// The first and last slot of each range, and the index of its primary.
    ranges: Vec<(u16, u16, usize)>,
    primaries: Vec<Arc<Primary>>,
}

impl SlotMap {
    /// One primary for all slots.
    pub(super) fn of_one(primary: Primary) -> Self {
        Self { ranges: vec![(0, LAST_SLOT, 0)], primaries: vec![Arc::new(primary)] }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// The primary of a slot.
    pub(crate) fn primary(&self, slot: u16) -> Option<&Arc<Primary>> {
        self.primaries.get(self.place(slot)?)
    }

    /// The index of a slot's primary among all primaries.
    pub(crate) fn place(&self, slot: u16) -> Option<usize> {
        let behind = self.ranges.partition_point(|&(first, ..)| first <= slot);
        let &(_, last, place) = self.ranges.get(behind.checked_sub(1)?)?;
        (slot <= last).then_some(place)
    }

    /// All primaries that serve slots.
    pub(crate) fn primaries(&self) -> &[Arc<Primary>] {
        &self.primaries
    }

    fn add(&mut self, primary: Primary, slots: &[(u16, u16)]) {
        if slots.is_empty() {
            return;
        }
        let place = self.primaries.len();
        self.primaries.push(Arc::new(primary));
        self.ranges.extend(slots.iter().map(|&(first, last)| (first, last, place)));
        self.ranges.sort_unstable();
    }
}

/// The view that a node has of its cluster.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Nodes {
    /// All nodes except failed ones.
    pub(super) addresses: Vec<Address>,
    pub(super) map: SlotMap,
}

impl Nodes {
    /// Parses the reply to CLUSTER NODES. A primary's replicas include those that are down: one that comes back may be promoted.
    pub(super) fn read(nodes: &str, asked: &Address) -> Self {
        let members = read_members(nodes, asked);
        let count = |follows: &dyn Fn(&&Member) -> bool| {
            u32::try_from(members.iter().filter(follows).count()).unwrap_or(u32::MAX)
        };
        let at_least = count(&|member| member.is("slave")).min(1);
        let mut read = Self { addresses: Vec::new(), map: SlotMap::default() };
        for member in &members {
            let Some(address) = member.address.clone() else { continue };
            if member.is("master") {
                let replicas = count(&|other| other.follows.as_ref() == Some(&member.id)).max(at_least);
                read.map.add(Primary { address: address.clone(), replicas: Some(replicas) }, &member.slots);
            }
            if !member.is("fail") && !member.is("noaddr") {
                read.addresses.push(address);
            }
        }
        read
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_map_has_each_primary_with_its_slots_and_all_its_replicas() {
        let nodes = "\
a1 127.0.0.1:7000@17000 myself,master - 0 1 1 connected 0-5460 7000 [93->-b2]
b2 10.0.0.2:7001@17001,host master - 0 1 2 connected 5461-6999 7001-16383
c3 127.0.0.1:7003@17003 slave a1 0 1 1 connected
d4 127.0.0.1:7004@17004 slave,fail a1 0 1 1 disconnected
e5 :7005@17005 slave b2 0 1 2 connected
f6 127.0.0.1:7006@17006 master,fail - 0 1 2 connected
";
        let asked = Address::Tcp("127.0.0.1".into(), 7000);
        let primary = |host: &str, port, replicas| Primary {
            address: Address::Tcp(host.into(), port),
            replicas: Some(replicas),
        };
        let (first, second) = (primary("127.0.0.1", 7000, 2), primary("10.0.0.2", 7001, 1));
        let map = Nodes::read(nodes, &asked).map;
        for (slot, primary) in
            [(0, &first), (5460, &first), (5461, &second), (7000, &first), (7001, &second), (16383, &second)]
        {
            assert_eq!(map.primary(slot).map(|primary| &**primary), Some(primary), "{slot}");
        }
        assert_eq!(map.primaries().len(), 2);
    }

    #[test]
    fn the_nodes_exclude_failed_ones() {
        let nodes = "\
a1 127.0.0.1:7000@17000 myself,master - 0 1 1 connected 0-16383
b2 10.0.0.2:7001@17001,host slave a1 0 1 2 connected
c3 127.0.0.1:7003@17003 master,fail - 0 1 1 disconnected
d4 :0@0 slave,noaddr a1 0 1 1 disconnected
";
        let tcp = |host: &str, port| Address::Tcp(host.into(), port);
        let read = Nodes::read(nodes, &tcp("127.0.0.1", 7000));
        assert_eq!(read.addresses, [tcp("127.0.0.1", 7000), tcp("10.0.0.2", 7001)]);
    }

    /// A primary that has just been promoted has no replica left, and must differ from one in a cluster without replicas.
    #[test]
    fn every_primary_needs_a_replica_if_another_primary_has_one() {
        let nodes = "\
a1 h:1@2 myself,master - 0 1 1 connected 0-99
b2 h:2@3 master - 0 1 2 connected 100-199
c3 h:3@4 slave b2 0 1 2 connected
";
        let replicas = |nodes: &str| {
            let read = Nodes::read(nodes, &Address::Tcp("h".into(), 1));
            read.map.primaries().iter().map(|primary| primary.replicas).collect::<Vec<_>>()
        };
        assert_eq!(replicas(nodes), [Some(1), Some(1)]);
        let without = nodes.rsplit_once("c3").unwrap().0;
        assert_eq!(replicas(without), [Some(0), Some(0)]);
    }

    #[test]
    fn a_slot_that_no_node_serves_has_no_primary() {
        let nodes = "a1 h:1@2 myself,master - 0 1 1 connected 10-20 30\n";
        let map = Nodes::read(nodes, &Address::Tcp("h".into(), 1)).map;
        for (slot, served) in [(9, false), (10, true), (20, true), (21, false), (30, true), (31, false)] {
            assert_eq!(map.primary(slot).is_some(), served, "{slot}");
        }
    }

    #[test]
    fn an_answer_of_another_form_is_an_empty_map() {
        for nodes in ["", "ERR", "a b c", "a1 nowhere master - 0 1 1 connected 0-1"] {
            assert!(Nodes::read(nodes, &Address::Tcp("h".into(), 1)).map.is_empty(), "{nodes}");
        }
    }
}
