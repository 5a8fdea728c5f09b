//! Whether each server answers, and is what the URL says.

use crate::{Check, Finding};

use crate::redis::info::Info;
use crate::redis::snapshot::{Facts, Node, Snapshot};
use token_redis::inspect::TopologyKind;

const ANSWERS: Check = Check {
    name: "answers",
    wanted: "every server that the URL names, or that these know of, answers and has its data loaded",
    why: "a primary that does not answer refuses its users; a replica that does not, confirms no change and cannot take over",
};

const URL: Check = Check {
    name: "url",
    wanted: "redis:// for one server, redis-cluster:// for a cluster, redis-sentinel:// for sentinels",
    why: "a node of a cluster that is asked as if it stood alone refuses most users, and a replica refuses all changes",
};

pub(super) fn findings(snapshot: &Snapshot) -> Vec<Finding> {
    let answers = snapshot.nodes.iter().map(|node| answers(node).at(&node.name));
    answers
        .chain(snapshot.answering().filter_map(|(node, facts)| Some(url(snapshot, facts)?.at(&node.name))))
        .collect()
}

fn answers(node: &Node) -> Finding {
    let info = match &node.facts {
        Err(why) => return ANSWERS.failure(why.clone()),
        Ok(Facts { info: Err(unobserved), .. }) => {
            return ANSWERS.warning(format!("its state was {unobserved}"));
        }
        Ok(Facts { info: Ok(info), .. }) => info,
    };
    if info.number("loading").unwrap_or(0) != 0 || info.number("async_loading").unwrap_or(0) != 0 {
        return ANSWERS.failure("is loading its data, and refuses everything until it has done so");
    }
    ANSWERS.ok(role(info))
}

fn role(info: &Info) -> &'static str {
    match (info.is_primary(), info.is_replica()) {
        (true, _) => "a primary",
        (_, true) => "a replica",
        _ => "it answers",
    }
}

fn url(snapshot: &Snapshot, facts: &Facts) -> Option<Finding> {
    let info = facts.info.as_ref().ok()?;
    let in_cluster = info.number("cluster_enabled").unwrap_or(0) == 1;
    match snapshot.kind {
        TopologyKind::Server if in_cluster => {
            Some(URL.failure("a node of a cluster: write redis-cluster://"))
        }
        TopologyKind::Server if info.is_replica() => Some(URL.failure("a replica: name its primary")),
        TopologyKind::Cluster if !in_cluster => Some(URL.failure("no node of a cluster: write redis://")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::FindingStatus;

    use super::super::fixtures::{alone, cluster, lost, node, only, worst};
    use super::*;

    #[test]
    fn a_lost_server_is_a_failure_that_names_it() {
        let all = findings(&cluster(vec![node("a", "role:master\ncluster_enabled:1"), lost("b")]));
        let found: Vec<_> = all.iter().map(|finding| (finding.node.as_deref(), finding.status)).collect();
        assert_eq!(found, [(Some("a"), FindingStatus::Ok), (Some("b"), FindingStatus::Failure)]);
    }

    #[test]
    fn a_server_that_is_loading_is_a_failure() {
        let all = findings(&alone(node("a", "role:master\nloading:1")));
        assert_eq!(only(&all, "answers").status, FindingStatus::Failure);
    }

    #[test]
    fn a_url_of_the_wrong_kind_is_a_failure() {
        for (snapshot, is_right) in [
            (alone(node("a", "role:master\ncluster_enabled:0")), true),
            (alone(node("a", "role:master\ncluster_enabled:1")), false),
            (alone(node("a", "role:slave\ncluster_enabled:0")), false),
            (cluster(vec![node("a", "role:slave\ncluster_enabled:1")]), true),
            (cluster(vec![node("a", "role:master\ncluster_enabled:0")]), false),
        ] {
            assert_eq!(worst(&findings(&snapshot), "url").is_none(), is_right);
        }
    }
}
