//! What is good and what is not: pure functions of what was found out.

mod access;
mod answers;
mod clock;
mod cluster;
mod key_versions;
mod persistence;
mod replication;
mod server;

#[cfg(test)]
mod kit;

use token_core::{Check, Finding, FindingStatus, KeyRing};

use super::scene::{Facts, Node, Scene};

/// Who looked, as the findings speak of it.
pub(super) struct Examiner {
    pub(super) user: String,
    pub(super) role: super::Role,
}

/// All findings: what concerns the connection first, then what concerns the data.
pub(super) fn all(scene: &Scene, examiner: &Examiner, keys: Option<&KeyRing>) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some(sentinels) = &scene.sentinels {
        findings.extend(sentinels.findings());
    }
    findings.extend(answers::findings(scene));
    findings.extend(access::findings(scene, examiner));
    findings.extend(key_versions::findings(scene, keys));
    findings.extend(cluster::findings(scene));
    findings.extend(replication::findings(scene));
    findings.extend(server::findings(scene));
    findings.extend(persistence::findings(scene));
    findings.extend(clock::findings(scene));
    findings
}

/// What a setting that only `CONFIG GET` tells is, judged; a warning where it was not seen.
fn setting(
    check: &Check,
    (node, facts): (&Node, &Facts),
    name: &str,
    judge: impl Fn(&str) -> FindingStatus,
) -> Finding {
    let finding = match &facts.settings {
        Err(unseen) => check.warning(unseen.to_string()),
        Ok(settings) => match settings.get(name) {
            None => check.warning("not seen: the server does not tell it"),
            Some(value) => check.finding(judge(value), format!("{name} {value}")),
        },
    };
    finding.at(&node.name)
}
