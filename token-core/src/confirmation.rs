//! How durable a change is known to be.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;
use serde::ser::SerializeStruct;

/// How durable a change must be before it is confirmed.
///
/// | level | confirmed means | survives |
/// |---|---|---|
/// | `local` | the primary (or the embedded store) has made the change | a crash of the caller |
/// | `replicated` | every replica that the topology lists, or that is connected, has the change, and there is at least one | any single failover (if no topology lists replicas: to a replica that was connected) |
/// | `disk` | the primary (or the embedded store) has the change on its own disk; replicas are not asked | a power failure of that machine, not its loss |
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ConfirmationLevel {
    /// The server that was asked has made the change.
    Local,
    /// Every replica that the topology lists has the change.
    Replicated,
    /// The primary that was asked has the change on its own disk. This says nothing about replicas.
    Disk,
}

/// A text that names no level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("write local, replicated or disk")]
pub struct ConfirmationLevelError;

impl FromStr for ConfirmationLevel {
    type Err = ConfirmationLevelError;

    fn from_str(text: &str) -> Result<Self, ConfirmationLevelError> {
        match text {
            "local" => Ok(Self::Local),
            "replicated" => Ok(Self::Replicated),
            "disk" => Ok(Self::Disk),
            _ => Err(ConfirmationLevelError),
        }
    }
}

impl fmt::Display for ConfirmationLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Local => "local",
            Self::Replicated => "replicated",
            Self::Disk => "disk",
        })
    }
}

/// How durable a change is known to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Confirmation {
    /// The level that the caller requested, or that the store chose.
    pub level: ConfirmationLevel,
    /// How many servers had to acknowledge the change, not counting the one that made it (for `disk`: that one).
    pub expected: u32,
    /// How many of them acknowledged it.
    pub reached: u32,
    /// Why the disk did not confirm it, if the store knows.
    pub reason: Option<Unconfirmed>,
}

/// Why the disk of a server has not confirmed a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Unconfirmed {
    /// `appendonly no`: the server keeps no append-only file.
    NoAppendOnlyFile,
    /// `appendfsync no`: the server never says when the disk has a change.
    NeverSynced,
    /// The server has no `WAITAOF`: it is older than Redis 7.2, or the command is disabled.
    NoWaitAof,
    /// The Redis user of the store may not run `WAITAOF`.
    NotPermitted,
    /// The server has a version that answers `WAITAOF` before the disk has the change (redis/redis#13793), or its version
    /// could not be read, and it is not known to run with `appendfsync always`.
    AnswersEarly,
    /// The disk did not confirm the change in time.
    TooLate,
}

impl Unconfirmed {
    /// Its name for programs.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::NoAppendOnlyFile => "appendonly_no",
            Self::NeverSynced => "appendfsync_no",
            Self::NoWaitAof => "no_waitaof",
            Self::NotPermitted => "waitaof_not_permitted",
            Self::AnswersEarly => "waitaof_answers_early",
            Self::TooLate => "too_late",
        }
    }
}

impl Confirmation {
    /// The server that was asked has made the change; no other server was asked.
    pub const LOCAL: Self = Self { level: ConfirmationLevel::Local, expected: 0, reached: 0, reason: None };

    /// The change is on the disk of the store itself.
    pub const DISK: Self = Self { level: ConfirmationLevel::Disk, expected: 1, reached: 1, reason: None };

    /// Whether the change has reached the requested level. If not, the change is made all the same, but one failure may
    /// undo it: confirm it again.
    #[must_use]
    pub fn is_confirmed(self) -> bool {
        self.reached >= self.expected
    }
}

/// As JSON: `level, confirmed, expected, reached`, and `reason` if there is one.
impl Serialize for Confirmation {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields =
            serializer.serialize_struct("Confirmation", 4 + usize::from(self.reason.is_some()))?;
        fields.serialize_field("level", &self.level.to_string())?;
        fields.serialize_field("confirmed", &self.is_confirmed())?;
        fields.serialize_field("expected", &self.expected)?;
        fields.serialize_field("reached", &self.reached)?;
        match self.reason {
            Some(reason) => fields.serialize_field("reason", reason.code())?,
            None => fields.skip_field("reason")?,
        }
        fields.end()
    }
}

/// What a change did, and how durable it is known to be.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "a change that is not confirmed may be undone by one failure: look"]
pub struct Committed<T> {
    /// What the change did.
    pub outcome: T,
    /// How durable it is.
    pub confirmation: Confirmation,
}
