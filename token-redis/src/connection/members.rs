//! The nodes of a cluster in the view of one of them.

use super::store_url::Address;

/// A node of a cluster, in the view of another node or its own.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Member {
    /// Its id.
    pub id: String,
    /// `None` if its form is unknown.
    pub address: Option<Address>,
    /// The id of its primary, if it is a replica.
    pub follows: Option<String>,
    /// The first and last slot of each range that it owns.
    pub slots: Vec<(u16, u16)>,
    /// The slots that are being moved from it or to it. Each node reports only its own.
    pub moving: Vec<u16>,
    flags: Vec<String>,
}

impl Member {
    /// Whether the node has a flag: `myself`, `master`, `slave`, `fail`, …
    #[must_use]
    pub fn is(&self, flag: &str) -> bool {
        self.flags.iter().any(|own| own == flag)
    }
}

/// Parses the reply to CLUSTER NODES, a line for each node: id, address, flags, primary's id, …, slots.
#[must_use]
pub fn read_members(nodes: &str, asked: &Address) -> Vec<Member> {
    let read = |line: &str| {
        let words: Vec<&str> = line.split(' ').collect();
        let [id, address, flags, follows, _, _, _, _, slots @ ..] = words.as_slice() else { return None };
        Some(Member {
            id: (*id).to_owned(),
            address: read_address(address, asked),
            follows: (*follows != "-").then(|| (*follows).to_owned()),
            slots: slots.iter().filter_map(|range| read_range(range)).collect(),
            moving: slots.iter().filter_map(|slot| read_move(slot)).collect(),
            flags: flags.split(',').map(str::to_owned).collect(),
        })
    };
    nodes.lines().filter_map(read).collect()
}

/// `ip:port@bus-port[,hostname…]`. A node that does not know its own address yet leaves it empty: it is the node we asked.
/// If we asked a node by name, we reach all nodes that announce names by name, because their certificates may have no address.
fn read_address(text: &str, asked: &Address) -> Option<Address> {
    let (address, more) = text.split_once('@')?;
    if let (Address::Tcp(host, _), Some(name)) = (asked, more.split(',').nth(1))
        && host.parse::<std::net::IpAddr>().is_err()
        && !name.is_empty()
        && !name.contains('=')
    {
        let (_, port) = address.rsplit_once(':')?;
        return Some(Address::Tcp(name.to_owned(), port.parse().ok()?));
    }
    match (address.strip_prefix(':'), asked) {
        (Some(port), Address::Tcp(host, _)) => Some(Address::Tcp(host.clone(), port.parse().ok()?)),
        _ => Address::parse(address),
    }
}

/// `17` or `0-5460`. Slots that are being moved (`[93->-…]`) are in the list, too.
fn read_range(text: &str) -> Option<(u16, u16)> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    Some((first.parse().ok()?, last.parse().ok()?))
}

/// `[93->-ID]` on its way from the node, `[93-<-ID]` to it.
fn read_move(text: &str) -> Option<u16> {
    text.strip_prefix('[')?.split_once('-')?.0.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_named_by_host_if_the_cluster_was_asked_by_host() {
        let line = "b2 10.0.0.2:7001@17001,two.example,shard-id=1 master - 0 1 2 connected 0-1";
        let address = |asked: &str| read_members(line, &Address::Tcp(asked.into(), 1))[0].address.clone();
        assert_eq!(address("one.example"), Some(Address::Tcp("two.example".into(), 7001)));
        assert_eq!(address("10.0.0.1"), Some(Address::Tcp("10.0.0.2".into(), 7001)));
        let unnamed = "b2 10.0.0.2:7001@17001,,shard-id=1 master - 0 1 2 connected 0-1";
        let members = read_members(unnamed, &Address::Tcp("one.example".into(), 1));
        assert_eq!(members[0].address, Some(Address::Tcp("10.0.0.2".into(), 7001)));
    }

    #[test]
    fn a_member_is_read_with_its_address_flags_primary_and_slots() {
        let nodes = "\
a1 127.0.0.1:7000@17000 myself,master - 0 1 1 connected 0-5460 7000 [93->-b2]
c3 127.0.0.1:7003@17003 slave,fail a1 0 1 1 disconnected
d4 :0@0 slave,noaddr a1 0 1 1 disconnected
short line
";
        let asked = Address::Tcp("h".into(), 1);
        let members = read_members(nodes, &asked);
        assert_eq!(members.len(), 3);
        assert!(members[0].is("myself") && members[0].is("master") && !members[0].is("fail"));
        assert_eq!((&members[0].slots[..], &members[0].follows), (&[(0, 5460), (7000, 7000)][..], &None));
        assert_eq!(members[0].moving, [93]);
        assert_eq!(members[1].address, Some(Address::Tcp("127.0.0.1".into(), 7003)));
        assert_eq!((members[1].follows.as_deref(), members[1].is("fail")), (Some("a1"), true));
        assert!(members[2].is("noaddr"));
    }
}
