//! Whether replicas are there, and in step.

use crate::{Check, Finding};

use crate::redis::info::{Follower, Info};
use crate::redis::snapshot::{Facts, Snapshot};
use token_redis::inspect::{Member, TopologyKind};

/// Replicas confirm every second.
const LATE_SECONDS: u64 = 10;
/// A thousand times what issuing a token takes.
const LATE_BYTES: u64 = 1 << 20;

const REPLICAS: Check = Check {
    name: "replicas",
    wanted: "each primary has a replica at least, and all replicas that the topology lists are connected to it",
    why: "a primary without a replica takes its users' tokens with it; while one is missing, no change is confirmed",
};

const LAG: Check = Check {
    name: "replica-lag",
    wanted: "each replica is connected to its primary, not more than 10 s and 1 MiB behind",
    why: "a replica that takes over undoes what it had not got yet: revoked tokens count again",
};

const MIN_REPLICAS: Check = Check {
    name: "min-replicas",
    wanted: "min-replicas-to-write 1 or more where a primary has replicas, best with two of them, and as many in reach",
    why: "with 0, a primary that is cut off goes on taking changes that will be lost. With 1 and a single replica, the \
          loss of that one stops its users: a choice between the two",
};

pub(super) fn findings(snapshot: &Snapshot) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (node, facts, info) in snapshot.infos() {
        let of_node = match (info.is_primary(), info.is_replica()) {
            (true, _) => of_primary(snapshot, facts, info),
            (_, true) => vec![link(info)],
            _ => Vec::new(),
        };
        findings.extend(of_node.into_iter().map(|finding| finding.at(&node.name)));
    }
    findings
}

fn of_primary(snapshot: &Snapshot, facts: &Facts, info: &Info) -> Vec<Finding> {
    if snapshot.kind == TopologyKind::Cluster && facts.myself().is_some_and(|own| own.slots.is_empty()) {
        // It serves no user.
        return Vec::new();
    }
    let followers = info.followers();
    let listed = listed(snapshot, facts);
    let mut findings = vec![replicas(&followers, listed)];
    findings.extend(followers.iter().map(|follower| lag(follower, info)));
    findings.extend(min_replicas(facts, info, listed.unwrap_or(0).max(followers.len())));
    findings
}

/// How many replicas the topology lists for this primary.
fn listed(snapshot: &Snapshot, facts: &Facts) -> Option<usize> {
    match &snapshot.kind {
        TopologyKind::Server => None,
        TopologyKind::Cluster => {
            let (own, members): (_, &Vec<Member>) = (facts.myself()?, facts.members.as_ref()?.as_ref().ok()?);
            Some(members.iter().filter(|member| member.follows.as_ref() == Some(&own.id)).count())
        }
        TopologyKind::Sentinel { .. } => {
            let views = snapshot.sentinels.iter().flat_map(|sentinels| &sentinels.asked);
            views.filter_map(|sentinel| Some(sentinel.view.as_ref().ok()?.replicas.len())).max()
        }
    }
}

fn replicas(followers: &[Follower], listed: Option<usize>) -> Finding {
    let online = followers.iter().filter(|follower| follower.state == "online").count();
    match (online, listed) {
        (0, None) => REPLICAS.ok("none: a server alone"),
        (_, Some(0)) => REPLICAS.warning("none"),
        (_, Some(listed)) if online < listed => REPLICAS.failure(format!("{online} of {listed} connected")),
        (1, _) => REPLICAS.ok("1 connected"),
        _ => REPLICAS.ok(format!("{online} connected")),
    }
}

/// A replica, as its primary sees it.
fn lag(follower: &Follower, info: &Info) -> Finding {
    let Follower { address, state, offset, lag } = follower;
    let behind = info.number("master_repl_offset").unwrap_or(0).saturating_sub(*offset);
    if state != "online" {
        return LAG.warning(format!("replica {address} is still being given a copy of everything"));
    }
    match (*lag > LATE_SECONDS, behind > LATE_BYTES) {
        (false, false) => LAG.ok("replicas in step"),
        (true, false) => LAG.warning(format!("replica {address} has confirmed nothing for {lag} s")),
        (late, true) => {
            let since = if late { format!(", and has confirmed nothing for {lag} s") } else { String::new() };
            LAG.warning(format!("replica {address} is {} MiB behind{since}", behind >> 20))
        }
    }
}

/// The primary, as its replica sees it.
fn link(info: &Info) -> Finding {
    if info.is("master_link_status", "up") {
        return match info.number("master_last_io_seconds_ago") {
            Some(seconds) if seconds > 2 * LATE_SECONDS => {
                LAG.warning(format!("nothing heard of the primary for {seconds} s"))
            }
            _ => LAG.ok("connected to its primary"),
        };
    }
    if info.is("master_sync_in_progress", "1") {
        return LAG.warning("is getting a copy of everything from its primary");
    }
    LAG.failure("not connected to its primary")
}

/// `INFO` counts good replicas only where some are demanded.
fn min_replicas(facts: &Facts, info: &Info, replicas: usize) -> Option<Finding> {
    let told =
        facts.settings.as_ref().ok().and_then(|settings| settings.get("min-replicas-to-write")?.parse().ok());
    let good = info.number("min_slaves_good_slaves");
    match (told, good) {
        (Some(0), _) | (None, None) if replicas == 0 => None,
        (Some(0), _) | (None, None) => Some(MIN_REPLICAS.warning("min-replicas-to-write 0")),
        (Some(wanted), Some(good)) if good < wanted => Some(
            MIN_REPLICAS.failure(format!("{good} in reach of the {wanted} demanded: it refuses its users")),
        ),
        (Some(wanted), _) => {
            Some(MIN_REPLICAS.ok(format!("min-replicas-to-write {wanted}{}", max_lag(facts))))
        }
        (None, Some(0)) => {
            Some(MIN_REPLICAS.failure("none in reach, and some demanded: it refuses its users"))
        }
        (None, Some(good)) => Some(MIN_REPLICAS.ok(format!("some demanded, {good} in reach"))),
    }
}

/// How late a replica may be and still be in reach.
fn max_lag(facts: &Facts) -> String {
    let told = facts.settings.as_ref().ok().and_then(|settings| settings.get("min-replicas-max-lag"));
    told.map(|seconds| format!(", max-lag {seconds} s")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use crate::FindingStatus::{self, Failure, Ok, Warning};

    use super::super::fixtures::{alone, cluster, node, only, with_members, with_settings, worst};
    use super::*;
    use crate::redis::snapshot::Node;

    const ONLINE: &str =
        "role:master\nmaster_repl_offset:9000000\nslave0:ip=h,port=2,state=online,offset=9000000,lag=1";

    fn status(node: Node, check: &str) -> Option<FindingStatus> {
        worst(&findings(&alone(node)), check)
    }

    fn in_cluster(info: &str, replicas: usize) -> Vec<Finding> {
        let mut nodes = "a h:1@1 myself,master - 0 0 1 connected 0-16383".to_owned();
        (0..replicas).for_each(|n| nodes += &format!("\nr{n} h:{n}@1 slave a 0 0 1 connected"));
        findings(&cluster(vec![with_members(node("h:1", info), &nodes)]))
    }

    #[test]
    fn a_server_alone_needs_no_replica() {
        assert_eq!(status(node("a", "role:master"), "replicas"), Some(Ok));
    }

    #[test]
    fn a_cluster_primary_needs_its_listed_replicas_and_at_least_one() {
        for (info, listed, status) in
            [(ONLINE, 1, Ok), (ONLINE, 2, Failure), ("role:master", 1, Failure), ("role:master", 0, Warning)]
        {
            assert_eq!(only(&in_cluster(info, listed), "replicas").status, status, "{listed}");
        }
    }

    #[test]
    fn a_primary_without_slots_is_not_asked_for_replicas() {
        let idle = with_members(node("h:1", "role:master"), "a h:1@1 myself,master - 0 0 1 connected");
        assert!(findings(&cluster(vec![idle])).is_empty());
    }

    #[test]
    fn a_replica_that_is_late_or_far_behind_is_a_warning() {
        for (line, status) in [
            ("state=online,offset=9000000,lag=10", Ok),
            ("state=online,offset=9000000,lag=11", Warning),
            ("state=online,offset=7900000,lag=0", Warning),
            ("state=send_bulk,offset=0,lag=0", Warning),
        ] {
            let info = format!("role:master\nmaster_repl_offset:9000000\nslave0:ip=h,port=2,{line}");
            assert_eq!(self::status(node("a", &info), "replica-lag"), Some(status), "{line}");
        }
    }

    #[test]
    fn a_replica_without_its_primary_fails_unless_it_is_syncing() {
        for (info, status) in [
            ("master_link_status:up\nmaster_last_io_seconds_ago:9", Ok),
            ("master_link_status:up\nmaster_last_io_seconds_ago:21", Warning),
            ("master_link_status:down\nmaster_sync_in_progress:1", Warning),
            ("master_link_status:down\nmaster_sync_in_progress:0", Failure),
            ("", Failure),
        ] {
            let replica = node("a", &format!("role:slave\n{info}"));
            assert_eq!(self::status(replica, "replica-lag"), Some(status), "{info}");
        }
    }

    #[test]
    fn a_primary_with_replicas_should_demand_one() {
        let demanding = |count: &str, info: &str| {
            let node = with_settings(node("a", info), &[("min-replicas-to-write", count)]);
            status(node, "min-replicas")
        };
        assert_eq!(demanding("0", ONLINE), Some(Warning));
        assert_eq!(demanding("0", "role:master"), None);
        assert_eq!(demanding("1", &format!("{ONLINE}\nmin_slaves_good_slaves:1")), Some(Ok));
        assert_eq!(demanding("2", &format!("{ONLINE}\nmin_slaves_good_slaves:1")), Some(Failure));
        assert_eq!(demanding("1", "role:master\nmin_slaves_good_slaves:0"), Some(Failure));
    }

    #[test]
    fn min_replicas_is_judged_without_the_right_to_read_settings() {
        assert_eq!(status(node("a", ONLINE), "min-replicas"), Some(Warning));
        assert_eq!(
            status(node("a", &format!("{ONLINE}\nmin_slaves_good_slaves:1")), "min-replicas"),
            Some(Ok)
        );
        assert_eq!(status(node("a", "role:master\nmin_slaves_good_slaves:0"), "min-replicas"), Some(Failure));
    }
}
