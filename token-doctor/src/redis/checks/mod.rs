//! What is good and what is not: pure functions of a snapshot.

mod access;
mod answers;
mod clock;
mod cluster;
mod key_versions;
mod persistence;
mod replication;
mod server;

#[cfg(test)]
mod fixtures;

use crate::{Check, Finding, FindingStatus};
use token_core::KeyRing;

use super::snapshot::{Facts, Node, Snapshot};

/// The user who examines, as the findings name it.
pub(super) struct Examiner {
    pub(super) user: String,
    pub(super) role: super::Role,
}

/// All findings: what concerns the connection first, then what concerns the data.
pub(super) fn all(snapshot: &Snapshot, examiner: &Examiner, keys: Option<&KeyRing>) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some(sentinels) = &snapshot.sentinels {
        findings.extend(sentinels.findings());
    }
    findings.extend(answers::findings(snapshot));
    findings.extend(access::findings(snapshot, examiner));
    findings.extend(key_versions::findings(snapshot, keys));
    findings.extend(cluster::findings(snapshot));
    findings.extend(replication::findings(snapshot));
    findings.extend(server::findings(snapshot));
    findings.extend(persistence::findings(snapshot));
    findings.extend(clock::findings(snapshot));
    findings
}

/// Judges a setting that only `CONFIG GET` reports; a warning if it was not seen.
fn setting(
    check: &Check,
    (node, facts): (&Node, &Facts),
    name: &str,
    judge: impl Fn(&str) -> FindingStatus,
) -> Finding {
    let finding = match &facts.settings {
        Err(unobserved) => check.warning(unobserved.to_string()),
        Ok(settings) => match settings.get(name) {
            None => check.warning("not seen: the server does not tell it"),
            Some(value) => check.finding(judge(value), format!("{name} {value}")),
        },
    };
    finding.at(&node.name)
}
