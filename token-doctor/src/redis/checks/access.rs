//! The way to the servers: encryption, what the user may do, and whether a validation works.

use crate::{Check, Finding};

use super::Examiner;
use crate::redis::permissions::Permissions;
use crate::redis::snapshot::{Facts, Snapshot};
use token_redis::inspect::Validated;

/// How many commands are named in one line.
const NAMED: usize = 5;

const TLS: Check = Check {
    name: "tls",
    wanted: "a URL that begins with rediss, but for servers on this machine",
    why: "without TLS, everybody on the way reads the password of this user, and can answer in the server's place",
};

const ACL: Check = Check {
    name: "acl",
    wanted: "the user may do what its role needs (deploy/acl), and nothing beyond",
    why: "what is missing fails when it is needed, perhaps only when a replica takes over; what is beyond is what a stolen \
          password is good for",
};

const SCRIPTS: Check = Check {
    name: "scripts",
    wanted: "every primary validates: that a token which cannot exist is unknown",
    why: "this is the very call of every validation; where it fails, tokens cannot be checked",
};

pub(super) fn findings(snapshot: &Snapshot, examiner: &Examiner) -> Vec<Finding> {
    let mut findings = vec![tls(snapshot)];
    for (node, facts) in snapshot.answering() {
        findings.extend(acl(facts, examiner).into_iter().map(|finding| finding.at(&node.name)));
    }
    findings.extend(snapshot.answering().filter_map(|(node, facts)| Some(scripts(facts)?.at(&node.name))));
    findings
}

fn tls(snapshot: &Snapshot) -> Finding {
    let nodes = snapshot.nodes.iter().map(|node| (&node.name, node.is_local));
    let sentinels = snapshot.sentinels.iter().flat_map(|sentinels| &sentinels.asked);
    let mut all = nodes.chain(sentinels.map(|sentinel| (&sentinel.name, sentinel.is_local)));
    match all.find(|(_, is_local)| !is_local) {
        _ if snapshot.encrypted => TLS.ok("encrypted"),
        None => TLS.ok("plain text, but it stays on this machine"),
        Some((name, _)) => TLS.warning(format!("plain text, to {name} for one")),
    }
}

fn acl(facts: &Facts, examiner: &Examiner) -> Vec<Finding> {
    let Examiner { user, role } = examiner;
    let Permissions { missing, beyond } = match &facts.permissions {
        Ok(permissions) => permissions,
        Err(crate::redis::observed::Unobserved::NotPermitted(command)) => {
            return vec![ACL.failure(format!(
                "user {user} may not {command}, which role {role} needs; what else it may do was not seen"
            ))];
        }
        Err(unobserved) => return vec![ACL.warning(unobserved.to_string())],
    };
    let mut findings = Vec::new();
    if !missing.is_empty() {
        findings.push(ACL.failure(format!("user {user} lacks for role {role}: {}", some(missing))));
    }
    if !beyond.is_empty() {
        findings.push(ACL.warning(format!("user {user} may do more than role {role}: {}", some(beyond))));
    }
    if findings.is_empty() {
        findings.push(ACL.ok(format!("user {user} may do what role {role} needs")));
    }
    findings
}

/// The first of them, and how many more there are.
fn some(names: &[String]) -> String {
    match names.split_at_checked(NAMED) {
        Some((first, rest)) if !rest.is_empty() => format!("{}, and {} more", first.join(", "), rest.len()),
        _ => names.join(", "),
    }
}

fn scripts(facts: &Facts) -> Option<Finding> {
    Some(match facts.validation.as_ref()? {
        Ok(Validated::Fully) => SCRIPTS.ok("a validation works"),
        Ok(Validated::WithoutWriting) => SCRIPTS.failure(
            "a validation works, but renews nothing: the server cannot write to its disk, so nothing is issued or \
             revoked; make room there, or see its log",
        ),
        Err(why) => SCRIPTS.failure(format!("the script of validations cannot run: the server {why}")),
    })
}

#[cfg(test)]
mod tests {
    use crate::FindingStatus::{self, Failure, Ok, Warning};

    use super::super::fixtures::{alone, edit, lost, node, only, worst};
    use super::*;
    use crate::redis::Role;
    use crate::redis::observed::Unobserved;
    use crate::redis::snapshot::Node;

    fn examined(node: Node) -> Vec<Finding> {
        findings(&alone(node), &Examiner { user: "ann".into(), role: Role::Validator })
    }

    fn with_permissions(missing: &[&str], beyond: &[&str]) -> Vec<Finding> {
        let [missing, beyond] =
            [missing, beyond].map(|names| names.iter().map(|&name| name.to_owned()).collect());
        let mut node = node("a", "role:master");
        edit(&mut node).permissions = Result::Ok(Permissions { missing, beyond });
        examined(node)
    }

    #[test]
    fn plain_text_is_ok_on_this_machine_only() {
        let status = |encrypted, is_local| -> FindingStatus {
            let mut snapshot = alone(Node { is_local, ..lost("h:1") });
            snapshot.encrypted = encrypted;
            tls(&snapshot).status
        };
        assert_eq!((status(true, false), status(true, true)), (Ok, Ok));
        assert_eq!((status(false, true), status(false, false)), (Ok, Warning));
    }

    #[test]
    fn a_missing_command_is_a_failure_and_an_extra_one_a_warning() {
        assert_eq!(only(&with_permissions(&[], &[]), "acl").status, Ok);
        let missing = with_permissions(&["pexpireat"], &[]);
        assert_eq!(only(&missing, "acl").status, Failure);
        assert!(only(&missing, "acl").found.contains("pexpireat"));
        let beyond = with_permissions(&[], &["flushall"]);
        assert_eq!(only(&beyond, "acl").status, Warning);
        assert!(only(&beyond, "acl").found.contains("flushall"));
    }

    #[test]
    fn of_many_commands_the_first_are_named_and_the_others_counted() {
        let names: Vec<String> = (0..10).map(|n| n.to_string()).collect();
        assert_eq!(some(&names), "0, 1, 2, 3, 4, and 5 more");
        assert_eq!(some(&names[..5]), "0, 1, 2, 3, 4");
    }

    #[test]
    fn a_user_who_may_not_even_ask_is_a_failure() {
        let mut node = node("a", "role:master");
        edit(&mut node).permissions = Err(Unobserved::NotPermitted("eval"));
        assert_eq!(only(&examined(node), "acl").status, Failure);
    }

    #[test]
    fn a_failed_validation_is_a_failure_if_one_has_to_work() {
        let validated = |result| {
            let mut node = node("a", "role:master");
            edit(&mut node).validation = result;
            worst(&examined(node), "scripts")
        };
        assert_eq!(validated(Some(Result::Ok(Validated::Fully))), Some(Ok));
        assert_eq!(validated(Some(Result::Ok(Validated::WithoutWriting))), Some(Failure));
        assert_eq!(validated(Some(Err("is not ready".into()))), Some(Failure));
        assert_eq!(validated(None), None);
    }
}
