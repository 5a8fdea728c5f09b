//! Helpers for the tests.

use std::time::Duration;

use token_doctor::redis::{Role, examine};
use token_doctor::{Finding, FindingStatus};
use token_redis::Options;
use token_tests::servers::{Roles, Server};

/// All findings, with long limits: on a busy machine a reply may take long without being wrong.
pub(crate) async fn examined(url: &str) -> Findings {
    examined_as(url, None).await
}

/// The same for a user who should have this role.
pub(crate) async fn examined_as(url: &str, role: Option<Role>) -> Findings {
    let mut options = Options::default();
    options.deadline = Duration::from_secs(20);
    examined_with(url, &options, role).await
}

/// The same with options.
pub(crate) async fn examined_with(url: &str, options: &Options, role: Option<Role>) -> Findings {
    Findings(examine(url, options, role, None).await.unwrap())
}

/// Examines until the findings meet the condition, because servers notice some events only after a while.
pub(crate) async fn until(url: &str, are_such: impl Fn(&Findings) -> bool) -> Findings {
    for _ in 0..300 {
        let findings = examined(url).await;
        if are_such(&findings) {
            return findings;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("never found: {:?}", examined(url).await)
}

#[derive(Debug)]
pub(crate) struct Findings(pub(crate) Vec<Finding>);

impl Findings {
    /// The findings of a check.
    pub(crate) fn of<'a>(&'a self, check: &'a str) -> impl Iterator<Item = &'a Finding> {
        self.0.iter().filter(move |finding| finding.check == check)
    }

    /// The worst status of a check.
    pub(crate) fn status(&self, check: &str) -> FindingStatus {
        let worst = self.of(check).map(|finding| finding.status).max();
        worst.unwrap_or_else(|| panic!("nothing of {check}: {self:?}"))
    }

    /// The texts that a check has found.
    pub(crate) fn found(&self, check: &str) -> String {
        self.of(check).map(|finding| finding.found.as_str()).collect::<Vec<_>>().join("\n")
    }

    /// The findings worse than ok, as check and node.
    pub(crate) fn bad(&self, status: FindingStatus) -> Vec<(&str, &str)> {
        let bad = self.0.iter().filter(|finding| finding.status == status);
        bad.map(|finding| (finding.check, finding.node.as_deref().unwrap_or_default())).collect()
    }

    pub(crate) fn failures(&self) -> Vec<(&str, &str)> {
        self.bad(FindingStatus::Failure)
    }
}

/// The name of a server in findings.
pub(crate) fn name(server: &Server) -> String {
    format!("127.0.0.1:{}", server.port())
}

/// Creates a user with the rights of a file of `deploy/acl` and more rules; returns the part of the URL before the host.
pub(crate) async fn user(server: &Server, role: &str, more: &[&str]) -> String {
    let line = Roles::line(role);
    let rules = line.split_whitespace().skip(2);
    let mut words = vec!["ACL", "SETUSER", role, "reset", ">pw"];
    words.extend(rules.filter(|&rule| rule != "resetpass"));
    words.extend(more);
    server.command::<()>(&words).await;
    format!("{role}:pw@")
}

/// The URL with the user in it.
pub(crate) fn by(user: &str, url: &str) -> String {
    url.replacen("://", &format!("://{user}"), 1)
}
