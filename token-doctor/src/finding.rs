//! What an examination of a store finds, in the same form for every store.

use std::fmt;

use serde::Serialize;

/// How good the state is that a check found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum FindingStatus {
    /// As it should be.
    Ok,
    /// It works, but less safely than it could; or it could not be seen.
    Warning,
    /// It does not work, or tokens are in danger.
    Failure,
}

impl fmt::Display for FindingStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Failure => "failure",
        })
    }
}

/// One thing to examine: its name, the wanted state, and why that matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Check {
    /// A short name, stable for programs.
    pub name: &'static str,
    /// The state that would be good.
    pub wanted: &'static str,
    /// Why it matters.
    pub why: &'static str,
}

impl Check {
    /// A finding for a state that is as it should be.
    #[must_use]
    pub fn ok(&self, found: impl Into<String>) -> Finding {
        self.finding(FindingStatus::Ok, found)
    }

    /// It works, but less safely than it could; or it could not be seen.
    #[must_use]
    pub fn warning(&self, found: impl Into<String>) -> Finding {
        self.finding(FindingStatus::Warning, found)
    }

    /// It does not work, or tokens are in danger.
    #[must_use]
    pub fn failure(&self, found: impl Into<String>) -> Finding {
        self.finding(FindingStatus::Failure, found)
    }

    /// A finding with this status.
    #[must_use]
    pub fn finding(&self, status: FindingStatus, found: impl Into<String>) -> Finding {
        let Self { name, wanted, why } = *self;
        Finding { check: name, node: None, status, found: found.into(), wanted, why }
    }
}

/// The result of a check on one server or file.
///
/// `found` and `node` may repeat text from a server: escape invisible characters before showing them. They contain no
/// password and no token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The name of the check, stable for programs.
    pub check: &'static str,
    /// The server or file that was checked; `None` if the check is about all of them together.
    pub node: Option<String>,
    /// How good the state is.
    pub status: FindingStatus,
    /// What was found.
    pub found: String,
    /// What a good answer would be.
    pub wanted: &'static str,
    /// Why it matters.
    pub why: &'static str,
}

impl Finding {
    /// The same finding, about this server or file.
    #[must_use]
    pub fn at(mut self, node: impl Into<String>) -> Self {
        self.node = Some(node.into());
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHECK: Check = Check { name: "depth", wanted: "deep", why: "the shallow dries up" };

    #[test]
    fn a_finding_says_what_its_check_wants_and_why() {
        let json = serde_json::to_value(CHECK.warning("shallow").at("h:1")).unwrap();
        let expected = serde_json::json!({
            "check": "depth", "node": "h:1", "status": "warning", "found": "shallow", "wanted": "deep",
            "why": "the shallow dries up"
        });
        assert_eq!(json, expected);
    }

    #[test]
    fn a_failure_is_worse_than_a_warning_and_that_is_worse_than_ok() {
        use FindingStatus::{Failure, Ok, Warning};
        assert_eq!([Warning, Failure, Ok].into_iter().max(), Some(Failure));
        assert!(Ok < Warning);
    }
}
