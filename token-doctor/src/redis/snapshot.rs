//! What all servers answered, for the checks to judge. The checks send nothing.

use std::collections::HashMap;

use token_core::KeyVersion;
use token_core::spi::CheckValue;

use super::info::Info;
use super::observed::{Observed, Unobserved};
use super::permissions::Permissions;
use super::sentinels::Sentinels;
use token_redis::inspect::{Member, TopologyKind, Validated};

/// A deployment, as far as it answered.
pub(super) struct Snapshot {
    pub(super) kind: TopologyKind,
    /// Whether connections are encrypted.
    pub(super) encrypted: bool,
    /// The servers that keep tokens, or should.
    pub(super) nodes: Vec<Node>,
    pub(super) sentinels: Option<Sentinels>,
}

impl Snapshot {
    /// The nodes that answered, with their answers.
    pub(super) fn answering(&self) -> impl Iterator<Item = (&Node, &Facts)> {
        self.nodes.iter().filter_map(|node| Some((node, node.facts.as_ref().ok()?)))
    }

    /// The nodes whose INFO was seen.
    pub(super) fn infos(&self) -> impl Iterator<Item = (&Node, &Facts, &Info)> {
        self.answering().filter_map(|(node, facts)| Some((node, facts, facts.info.as_ref().ok()?)))
    }
}

/// A server that keeps tokens, or should.
pub(super) struct Node {
    /// Its address, for people.
    pub(super) name: String,
    /// Whether the address is on this machine.
    pub(super) is_local: bool,
    /// Its answers, or why there are none.
    pub(super) facts: Result<Facts, String>,
}

/// What a server answered.
pub(super) struct Facts {
    pub(super) info: Observed<Info>,
    pub(super) settings: Observed<HashMap<String, String>>,
    pub(super) clock: Observed<Offset>,
    /// All nodes of the cluster, as this one sees them.
    pub(super) members: Option<Observed<Vec<Member>>>,
    /// `cluster_state`
    pub(super) cluster_state: Option<Observed<String>>,
    pub(super) permissions: Observed<Permissions>,
    /// What became of a validation, where one has to work.
    pub(super) validation: Option<Result<Validated, String>>,
    /// The check values of the keys that issued tokens, if they are kept here.
    pub(super) key_checks: Option<Observed<Vec<(KeyVersion, CheckValue)>>>,
}

impl Facts {
    /// A server that was asked nothing yet.
    pub(super) fn none() -> Self {
        Self {
            info: Err(Unobserved::NotAsked),
            settings: Err(Unobserved::NotAsked),
            clock: Err(Unobserved::NotAsked),
            members: None,
            cluster_state: None,
            permissions: Err(Unobserved::NotAsked),
            validation: None,
            key_checks: None,
        }
    }

    /// This node, as it sees itself.
    pub(super) fn myself(&self) -> Option<&Member> {
        self.members.as_ref()?.as_ref().ok()?.iter().find(|member| member.is("myself"))
    }
}

/// How far a clock is ahead of ours, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Offset {
    pub(super) millis: i64,
    /// Half of the time that the question took: the offset may be so much more or less.
    pub(super) uncertain: i64,
}
