//! All that was found out, for the checks to judge: they ask nobody.

use std::collections::HashMap;

use token_core::KeyVersion;
use token_core::spi::CheckValue;

use super::info::Info;
use super::permissions::Permissions;
use super::seen::{Seen, Unseen};
use super::sentinels::Sentinels;
use crate::connection::{Member, TopologyKind};

/// A deployment, as far as it answered.
pub(super) struct Scene {
    pub(super) kind: TopologyKind,
    /// Whether connections are encrypted.
    pub(super) encrypted: bool,
    /// The servers that keep tokens, or should.
    pub(super) nodes: Vec<Node>,
    pub(super) sentinels: Option<Sentinels>,
}

impl Scene {
    /// The nodes that answered, with what they said.
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
    /// What it said, or why it said nothing.
    pub(super) facts: Result<Facts, String>,
}

/// How a validation was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Validated {
    /// As always.
    Fully,
    /// Without the right to write, because the server cannot write to its disk.
    WithoutWriting,
}

/// What a server said.
pub(super) struct Facts {
    pub(super) info: Seen<Info>,
    pub(super) settings: Seen<HashMap<String, String>>,
    pub(super) clock: Seen<Offset>,
    /// All nodes of the cluster, as this one sees them.
    pub(super) members: Option<Seen<Vec<Member>>>,
    /// `cluster_state`
    pub(super) cluster_state: Option<Seen<String>>,
    pub(super) permissions: Seen<Permissions>,
    /// What became of a validation, where one has to work.
    pub(super) validation: Option<Result<Validated, String>>,
    /// The check values of the keys that issued tokens, if they are kept here.
    pub(super) key_checks: Option<Seen<Vec<(KeyVersion, CheckValue)>>>,
}

impl Facts {
    /// Of a server that was asked nothing yet.
    pub(super) fn none() -> Self {
        Self {
            info: Err(Unseen::NotAsked),
            settings: Err(Unseen::NotAsked),
            clock: Err(Unseen::NotAsked),
            members: None,
            cluster_state: None,
            permissions: Err(Unseen::NotAsked),
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
    /// Half of the time that asking took: it may be so much more or less.
    pub(super) uncertain: i64,
}
