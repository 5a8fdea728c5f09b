//! The cluster as each of its nodes sees it.

use crate::{Check, Finding, FindingStatus};

use super::setting;
use crate::redis::snapshot::{Facts, Snapshot};
use token_redis::inspect::{Member, TopologyKind};

const SLOTS: u64 = 16_384;

const CLUSTER: Check = Check {
    name: "cluster",
    wanted: "cluster_state ok, all 16384 slots served, no node taken for dead, and all nodes agree",
    why: "the users whose slots nobody serves are refused; nodes that disagree send clients back and forth",
};

const TIMEOUT: Check = Check {
    name: "node-timeout",
    wanted: "cluster-node-timeout between 2000 and 5000 ms",
    why: "for so long a primary that is cut off goes on taking changes that will be lost, and a lost one is missed; \
          shorter, and a short pause of a healthy one makes a replica take over",
};

const VALIDITY: Check = Check {
    name: "validity-factor",
    wanted: "cluster-replica-validity-factor 1 or more (10 is the default)",
    why: "with 0 a replica takes over however old its data is, even one that never got any: revoked tokens count again, \
          or all are lost",
};

const MOVES: Check = Check {
    name: "open-slots",
    wanted: "no slot on the move, unless a reshard is under way",
    why: "while a slot is half moved, revocations and lists of its users fail; a reshard that was interrupted leaves it so \
          until redis-cli --cluster fix",
};

pub(super) fn findings(snapshot: &Snapshot) -> Vec<Finding> {
    if snapshot.kind != TopologyKind::Cluster {
        return Vec::new();
    }
    let mut findings: Vec<Finding> =
        snapshot.answering().map(|(node, facts)| view(facts).at(&node.name)).collect();
    findings.extend(agreement(snapshot));
    findings.extend(snapshot.answering().filter_map(|(node, facts)| Some(moves(facts)?.at(&node.name))));
    for seen in snapshot.answering() {
        findings.push(setting(&TIMEOUT, seen, "cluster-node-timeout", timeout));
        findings.push(setting(&VALIDITY, seen, "cluster-replica-validity-factor", validity));
    }
    findings
}

fn view(facts: &Facts) -> Finding {
    let members = match &facts.members {
        None => return CLUSTER.warning("not seen: not asked"),
        Some(Err(unobserved)) => return CLUSTER.failure(unobserved.to_string()),
        Some(Ok(members)) => members,
    };
    let served: u64 = members.iter().filter(|member| !member.is("fail")).map(slots).sum();
    let dead = members.iter().filter(|member| member.is("fail")).count();
    let doubted = members.iter().filter(|member| member.is("fail?")).count();
    let state = facts.cluster_state.as_ref().and_then(|state| state.as_ref().ok());
    match state.map(String::as_str) {
        _ if served < SLOTS => CLUSTER.failure(format!("{served} of {SLOTS} slots served")),
        Some("ok") | None if dead > 0 => CLUSTER.failure(format!("nodes taken for dead: {dead}")),
        Some("ok") | None if doubted > 0 => {
            CLUSTER.warning(format!("nodes that do not answer this one: {doubted}"))
        }
        Some("ok") => CLUSTER.ok("state ok, all slots served"),
        // That it serves is seen by the validation at each primary.
        None => CLUSTER.ok("all slots served"),
        Some(state) => CLUSTER.failure(format!("cluster_state {state}")),
    }
}

fn moves(facts: &Facts) -> Option<Finding> {
    let moving = &facts.myself()?.moving;
    let slots: Vec<String> = moving.iter().take(5).map(u16::to_string).collect();
    let more = if moving.len() > slots.len() { ", …" } else { "" };
    (!moving.is_empty())
        .then(|| MOVES.warning(format!("{} on the move: {}{more}", moving.len(), slots.join(", "))))
}

fn slots(member: &Member) -> u64 {
    member.slots.iter().map(|&(first, last)| u64::from(last.saturating_sub(first)) + 1).sum()
}

/// Whether all who answered see the same owners of the same slots.
fn agreement(snapshot: &Snapshot) -> Option<Finding> {
    let mut views = snapshot.answering().filter_map(|(_, facts)| {
        let members = facts.members.as_ref()?.as_ref().ok()?;
        let mut owners: Vec<_> = members.iter().filter(|member| !member.slots.is_empty()).collect();
        owners.sort_by(|a, b| a.id.cmp(&b.id));
        Some(owners.into_iter().map(|owner| (&owner.id, &owner.slots)).collect::<Vec<_>>())
    });
    let first = views.next()?;
    views
        .any(|view| view != first)
        .then(|| CLUSTER.warning("the nodes do not agree on who serves which slots"))
}

fn timeout(value: &str) -> FindingStatus {
    match value.parse() {
        Ok(2000..=5000_u32) => FindingStatus::Ok,
        _ => FindingStatus::Warning,
    }
}

fn validity(value: &str) -> FindingStatus {
    match value.parse() {
        Ok(0_u32) => FindingStatus::Failure,
        Ok(_) => FindingStatus::Ok,
        Err(_) => FindingStatus::Warning,
    }
}

#[cfg(test)]
mod tests {
    use FindingStatus::{Failure, Ok, Warning};

    use super::super::fixtures::{self, edit, node, only, with_members, with_settings, worst};
    use super::*;

    const WHOLE: &str = "\
a h:1@1 myself,master - 0 0 1 connected 0-8191
b h:2@1 master - 0 0 2 connected 8192-16383
c h:3@1 slave a 0 0 1 connected";

    fn seen(nodes: &str) -> FindingStatus {
        only(&findings(&fixtures::cluster(vec![with_members(node("h:1", ""), nodes)])), "cluster").status
    }

    #[test]
    fn a_slot_on_the_move_is_a_warning_that_names_it() {
        let of = |nodes: &str| findings(&fixtures::cluster(vec![with_members(node("h:1", ""), nodes)]));
        let open = WHOLE.replace("0-8191", "0-8191 [93->-b] [77-<-b]");
        assert_eq!(only(&of(&open), "open-slots").found, "2 on the move: 93, 77");
        assert_eq!(worst(&of(WHOLE), "open-slots"), None);
    }

    #[test]
    fn all_slots_served_by_nodes_that_live_is_ok() {
        assert_eq!(seen(WHOLE), Ok);
    }

    #[test]
    fn slots_without_a_live_node_are_a_failure() {
        assert_eq!(seen(&WHOLE.replace("16383", "16382")), Failure);
        assert_eq!(seen(&WHOLE.replace("h:2@1 master", "h:2@1 master,fail")), Failure);
    }

    #[test]
    fn a_dead_replica_is_a_failure_and_one_in_doubt_a_warning() {
        assert_eq!(seen(&WHOLE.replace("slave", "slave,fail")), Failure);
        assert_eq!(seen(&WHOLE.replace("slave", "slave,fail?")), Warning);
    }

    #[test]
    fn a_node_that_says_that_the_cluster_fails_is_a_failure() {
        let mut down = with_members(node("h:1", ""), WHOLE);
        edit(&mut down).cluster_state = Some(Result::Ok("fail".into()));
        assert_eq!(only(&findings(&fixtures::cluster(vec![down])), "cluster").status, Failure);
    }

    #[test]
    fn nodes_that_disagree_on_owners_are_a_warning() {
        let other = WHOLE.replace("0-8191", "0-8190").replace("8192-", "8191-");
        let [one, two] = [WHOLE, &other].map(|nodes| with_members(node("h:1", ""), nodes));
        assert_eq!(worst(&findings(&fixtures::cluster(vec![one, two])), "cluster"), Some(Warning));
    }

    #[test]
    fn a_node_timeout_outside_two_to_five_seconds_is_a_warning() {
        let judged = ["1999", "2000", "5000", "5001", "15000", "x"].map(timeout);
        assert_eq!(judged, [Warning, Ok, Ok, Warning, Warning, Warning]);
    }

    #[test]
    fn a_validity_factor_of_0_is_a_failure() {
        assert_eq!(["0", "1", "10", "x"].map(validity), [Failure, Ok, Ok, Warning]);
    }

    #[test]
    fn settings_that_were_not_seen_are_a_warning_and_never_ok() {
        let unobserved = findings(&fixtures::cluster(vec![with_members(node("h:1", ""), WHOLE)]));
        for check in ["node-timeout", "validity-factor"] {
            assert_eq!(only(&unobserved, check).status, Warning);
            assert_eq!(only(&unobserved, check).found, "not seen: this user may not config|get");
        }
        let told = [("cluster-node-timeout", "3000"), ("cluster-replica-validity-factor", "10")];
        let seen =
            findings(&fixtures::cluster(vec![with_settings(with_members(node("h:1", ""), WHOLE), &told)]));
        assert!(seen.iter().all(|finding| finding.status == Ok), "{seen:?}");
    }

    #[test]
    fn a_server_alone_is_no_cluster() {
        assert!(findings(&fixtures::alone(node("a", ""))).is_empty());
    }
}
