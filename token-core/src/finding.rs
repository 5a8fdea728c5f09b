//! What an examination of a store finds: the same form for every store.

use std::fmt;

use serde::Serialize;

/// How good what was found is.
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

/// Something to look at, what would be good there, and why that matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Check {
    /// A short name, stable for programs.
    pub name: &'static str,
    /// What a good answer would be.
    pub wanted: &'static str,
    /// Why it matters.
    pub why: &'static str,
}

impl Check {
    /// It is as it should be.
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

    /// What was found, and how good that is.
    #[must_use]
    pub fn finding(&self, status: FindingStatus, found: impl Into<String>) -> Finding {
        let Self { name, wanted, why } = *self;
        Finding { check: name, node: None, status, found: found.into(), wanted, why }
    }
}

/// What was found in one place.
///
/// `found` and `node` may repeat what a server says of itself: escape what cannot be seen before showing them. They hold
/// no password and no token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The name of the check, stable for programs.
    pub check: &'static str,
    /// The server or file it is about; `None` when it is about all together.
    pub node: Option<String>,
    /// How good it is.
    pub status: FindingStatus,
    /// What was found.
    pub found: String,
    /// What a good answer would be.
    pub wanted: &'static str,
    /// Why it matters.
    pub why: &'static str,
}

impl Finding {
    /// The same about this server or file.
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
