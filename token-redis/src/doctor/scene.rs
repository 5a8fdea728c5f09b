//! All that was found out, for the checks to judge: they ask nobody.

use std::collections::HashMap;

use redis::{ErrorKind, RedisError, ServerErrorKind};

use super::info::Info;
use super::permissions::Permissions;
use super::sentinels::Sentinels;
use crate::connect::{Member, Shape};
use crate::trouble::{self, Stage};

/// A deployment, as far as it answered.
pub(super) struct Scene {
    pub(super) shape: Shape,
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
    pub(super) validation: Option<Result<(), String>>,
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

/// What a server answered, or why it did not.
pub(super) type Seen<T> = Result<T, Unseen>;

/// Why something was not seen although the server answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Unseen {
    /// It was not asked.
    NotAsked,
    /// The user may not run this command.
    NotPermitted(&'static str),
    /// The server refused for another reason.
    Refused(String),
}

impl std::fmt::Display for Unseen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotAsked => f.write_str("not seen: not asked"),
            Self::NotPermitted(command) => write!(f, "not seen: this user may not {command}"),
            Self::Refused(why) => write!(f, "not seen: the server {why}"),
        }
    }
}

/// Tells what a server does not tell from a server that is lost. The latter is an error.
pub(super) fn seen<T>(answer: Result<T, RedisError>, command: &'static str) -> Result<Seen<T>, RedisError> {
    match answer {
        Ok(value) => Ok(Ok(value)),
        Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::NoPerm) => {
            Ok(Err(Unseen::NotPermitted(command)))
        }
        Err(error) if error.code().is_some() && !error.is_unrecoverable_error() => {
            Ok(Err(Unseen::Refused(trouble(&error, Stage::Connected))))
        }
        Err(error) if error.kind() == ErrorKind::UnexpectedReturnType => {
            Ok(Err(Unseen::Refused("gave an answer that this version does not understand".into())))
        }
        Err(error) => Err(error),
    }
}

/// What is wrong and what to do, and the word that the server used. Never more of what it said.
pub(super) fn trouble(error: &RedisError, stage: Stage) -> String {
    let (_, advice) = trouble::of(error, stage);
    match error.code() {
        Some(code) => format!("{advice} ({code})"),
        None => advice,
    }
}
