//! What the tests of the checks share: servers with the answers that a test needs.

use std::collections::HashMap;

use crate::{Finding, FindingStatus};

use crate::redis::info::Info;
use crate::redis::observed::Unobserved;
use crate::redis::snapshot::{Facts, Node, Offset, Snapshot};
use token_redis::inspect::{Address, TopologyKind, read_members};

/// A server that reports this in `INFO`, and no settings.
pub(super) fn node(name: &str, info: &str) -> Node {
    let mut facts = Facts::none();
    facts.info = Ok(Info::read(info));
    facts.settings = Err(Unobserved::NotPermitted("config|get"));
    Node { name: name.into(), is_local: true, facts: Ok(facts) }
}

/// The same with these settings.
pub(super) fn with_settings(mut node: Node, settings: &[(&str, &str)]) -> Node {
    let own = |&(name, value): &(&str, &str)| (name.to_owned(), value.to_owned());
    edit(&mut node).settings = Ok(settings.iter().map(own).collect::<HashMap<_, _>>());
    node
}

/// The same with this view of its cluster.
pub(super) fn with_members(mut node: Node, nodes: &str) -> Node {
    edit(&mut node).members = Some(Ok(read_members(nodes, &Address::Tcp("h".into(), 1))));
    node
}

/// The same with a clock that is so many milliseconds ahead, give or take.
pub(super) fn with_clock(mut node: Node, millis: i64, uncertain: i64) -> Node {
    edit(&mut node).clock = Ok(Offset { millis, uncertain });
    node
}

/// A server that cannot be asked.
pub(super) fn lost(name: &str) -> Node {
    Node { name: name.into(), is_local: true, facts: Err("cannot be reached; is it running?".into()) }
}

pub(super) fn edit(node: &mut Node) -> &mut Facts {
    node.facts.as_mut().unwrap_or_else(|_| panic!("it answered"))
}

pub(super) fn alone(node: Node) -> Snapshot {
    Snapshot { kind: TopologyKind::Server, encrypted: false, nodes: vec![node], sentinels: None }
}

pub(super) fn cluster(nodes: Vec<Node>) -> Snapshot {
    Snapshot { kind: TopologyKind::Cluster, encrypted: false, nodes, sentinels: None }
}

/// The one finding of a check.
pub(super) fn only<'a>(findings: &'a [Finding], check: &str) -> &'a Finding {
    let found: Vec<_> = findings.iter().filter(|finding| finding.check == check).collect();
    assert_eq!(found.len(), 1, "{check}: {findings:?}");
    found[0]
}

/// The worst status of a check, if there is a finding.
pub(super) fn worst(findings: &[Finding], check: &str) -> Option<FindingStatus> {
    findings.iter().filter(|finding| finding.check == check).map(|finding| finding.status).max()
}
