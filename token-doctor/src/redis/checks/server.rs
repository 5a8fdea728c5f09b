//! Version and memory of each server.

use crate::{Check, Finding, FindingStatus};

use super::setting;
use crate::redis::info::Info;
use crate::redis::snapshot::Snapshot;

const VERSION: Check = Check {
    name: "version",
    wanted: "Redis 7.2 or later, or Valkey, with the latest patches, and the same on all nodes",
    why: "before 7.0 the scripts do not run; before 7.2 there is no WAITAOF, so --confirm disk confirms nothing; patches \
          of 2025 and 2026 close holes in scripting that let one user act as another",
};

const EVICTION: Check = Check {
    name: "eviction",
    wanted: "maxmemory-policy noeviction",
    why: "any other policy drops keys when memory is full: that ends tokens early, and lets a revoked one be forgotten",
};

const MEMORY: Check = Check {
    name: "memory",
    wanted: "a maxmemory that is less than the machine has, and less than 80 % of it in use",
    why: "full memory refuses to issue; without maxmemory the system kills the server instead, with all it had in memory",
};

const STALE: Check = Check {
    name: "stale-reads",
    wanted: "replica-serve-stale-data no and cluster-allow-reads-when-down no",
    why: "nothing of this product reads from replicas, but other tools do: one that has lost its primary would tell them \
          of revoked tokens as if they counted",
};

const CLIENTS: Check = Check {
    name: "clients",
    wanted: "less than 80 % of maxclients connected",
    why: "a server with as many clients as it takes turns away every other one: nodes that start, and this command",
};

pub(super) fn findings(snapshot: &Snapshot) -> Vec<Finding> {
    let mut findings: Vec<Finding> = Vec::new();
    for (node, _, info) in snapshot.infos() {
        findings.extend([version(info), eviction(info), memory(info)].map(|finding| finding.at(&node.name)));
        findings.extend(clients(info).map(|finding| finding.at(&node.name)));
    }
    findings.extend(mixed(snapshot));
    for (node, facts, info) in snapshot.infos() {
        let judge = |value: &str| if value == "no" { FindingStatus::Ok } else { FindingStatus::Warning };
        if info.is_replica() {
            findings.push(setting(&STALE, (node, facts), "replica-serve-stale-data", judge));
        }
        if info.number("cluster_enabled") == Some(1) && !info.is_replica() {
            findings.push(setting(&STALE, (node, facts), "cluster-allow-reads-when-down", judge));
        }
    }
    findings
}

/// Make and version, as people write them.
fn make(info: &Info) -> (&'static str, &str) {
    match info.text("valkey_version") {
        Some(version) => ("Valkey", version),
        None => ("Redis", info.text("redis_version").unwrap_or("of unknown version")),
    }
}

fn version(info: &Info) -> Finding {
    let (make, version) = make(info);
    let mut numbers = version.split('.').map_while(|number| number.parse::<u32>().ok());
    let found = format!("{make} {version}");
    match (numbers.next(), numbers.next()) {
        (None, _) | (Some(..7), _) => VERSION.failure(found),
        (Some(7), Some(0 | 1)) => VERSION.warning(found),
        _ => VERSION.ok(found),
    }
}

fn mixed(snapshot: &Snapshot) -> Option<Finding> {
    let mut all: Vec<_> = snapshot.infos().map(|(_, _, info)| make(info)).collect();
    all.sort_unstable();
    all.dedup();
    let list: Vec<String> = all.iter().map(|(make, version)| format!("{make} {version}")).collect();
    (list.len() > 1).then(|| VERSION.warning(format!("the nodes differ: {}", list.join(", "))))
}

fn eviction(info: &Info) -> Finding {
    match info.text("maxmemory_policy") {
        None => EVICTION.warning("not seen: the server does not tell it"),
        Some("noeviction") => EVICTION.ok("maxmemory-policy noeviction"),
        Some(policy) => EVICTION.failure(format!("maxmemory-policy {policy}")),
    }
}

/// Without maxmemory, the machine is the limit. That is a warning however little is used: the limit is met by being
/// killed.
fn memory(info: &Info) -> Finding {
    let Some(used) = info.number("used_memory") else {
        return MEMORY.warning("not seen: the server does not tell it");
    };
    // What Redis leaves out when it compares with maxmemory: buffers for replicas and the append-only file.
    let used = used.saturating_sub(info.number("mem_not_counted_for_evict").unwrap_or(0));
    let (limit, what) = match info.number("maxmemory") {
        Some(limit @ 1..) => (limit, "maxmemory"),
        _ => (info.number("total_system_memory").unwrap_or(0), "what the machine has, and no maxmemory"),
    };
    let percent = u128::from(used) * 100 / u128::from(limit.max(1));
    let found = match limit {
        0 => format!("{} used, and no maxmemory", size(used)),
        _ => format!("{percent} % used of {} ({what})", size(limit)),
    };
    match (percent, what) {
        (95.., _) if limit > 0 => MEMORY.failure(found),
        (..80, "maxmemory") => MEMORY.ok(found),
        _ => MEMORY.warning(found),
    }
}

/// Nothing of a server that does not report how many it takes.
fn clients(info: &Info) -> Option<Finding> {
    let most = info.number("maxclients").filter(|&most| most > 0)?;
    let connected =
        info.number("connected_clients")?.saturating_add(info.number("cluster_connections").unwrap_or(0));
    let found = format!("{connected} of {most}");
    Some(if connected.saturating_mul(100) < most.saturating_mul(80) {
        CLIENTS.ok(found)
    } else {
        CLIENTS.warning(found)
    })
}

fn size(bytes: u64) -> String {
    const UNITS: [(u64, &str); 3] = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    match UNITS.into_iter().find(|(unit, _)| bytes >= *unit) {
        Some((unit, name)) if bytes.is_multiple_of(unit) => format!("{} {name}", bytes / unit),
        Some((unit, name)) => format!("{}.{} {name}", bytes / unit, bytes % unit * 10 / unit),
        None => format!("{bytes} B"),
    }
}

#[cfg(test)]
mod tests {
    use FindingStatus::{Failure, Ok, Warning};

    use super::super::fixtures::{alone, cluster, node, only, with_settings, worst};
    use super::*;

    #[test]
    fn a_version_is_good_from_7_2_on_and_works_from_7_0_on() {
        for (said, status, found) in [
            ("redis_version:7.2.11", Ok, "Redis 7.2.11"),
            ("redis_version:8.0.0-rc1", Ok, "Redis 8.0.0-rc1"),
            ("redis_version:255.255.255", Ok, "Redis 255.255.255"),
            ("redis_version:7.2.4\nserver_name:valkey\nvalkey_version:8.1.4", Ok, "Valkey 8.1.4"),
            ("redis_version:7.0.15", Warning, "Redis 7.0.15"),
            ("redis_version:6.2.20", Failure, "Redis 6.2.20"),
            ("redis_version:x", Failure, "Redis x"),
            ("", Failure, "Redis of unknown version"),
        ] {
            let finding = version(&Info::read(said));
            assert_eq!((finding.status, finding.found.as_str()), (status, found));
        }
    }

    #[test]
    fn nodes_of_different_versions_are_a_warning_about_all_of_them() {
        let snapshot = cluster(vec![node("a", "redis_version:7.2.11"), node("b", "redis_version:7.4.6")]);
        let all = findings(&snapshot);
        let mixed = all.iter().find(|finding| finding.check == "version" && finding.node.is_none()).unwrap();
        assert_eq!(
            (mixed.status, mixed.found.as_str()),
            (Warning, "the nodes differ: Redis 7.2.11, Redis 7.4.6")
        );
    }

    #[test]
    fn every_policy_that_evicts_is_a_failure() {
        for (policy, status) in [("noeviction", Ok), ("allkeys-lru", Failure), ("volatile-ttl", Failure)] {
            assert_eq!(eviction(&Info::read(&format!("maxmemory_policy:{policy}"))).status, status);
        }
        assert_eq!(eviction(&Info::read("")).status, Warning);
    }

    #[test]
    fn memory_is_a_warning_from_80_percent_and_a_failure_from_95() {
        for (used, status) in
            [(0, Ok), (799, Ok), (800, Warning), (949, Warning), (950, Failure), (2000, Failure)]
        {
            let info = format!("used_memory:{used}\nmaxmemory:1000\ntotal_system_memory:9000");
            assert_eq!(memory(&Info::read(&info)).status, status, "{used}");
        }
    }

    #[test]
    fn buffers_that_redis_does_not_count_are_not_counted() {
        let info = Info::read("used_memory:990\nmem_not_counted_for_evict:500\nmaxmemory:1000");
        assert_eq!(
            (memory(&info).status, memory(&info).found.as_str()),
            (Ok, "49 % used of 1000 B (maxmemory)")
        );
    }

    #[test]
    fn no_maxmemory_is_a_warning_and_on_a_full_machine_a_failure() {
        for (used, status) in [(1, Warning), (949, Warning), (950, Failure)] {
            let info = format!("used_memory:{used}\nmaxmemory:0\ntotal_system_memory:1000");
            assert_eq!(memory(&Info::read(&info)).status, status, "{used}");
        }
        assert_eq!(memory(&Info::read("used_memory:7\nmaxmemory:0")).status, Warning);
    }

    #[test]
    fn a_replica_that_would_answer_from_the_past_is_a_warning() {
        for (value, status) in [("no", Ok), ("yes", Warning)] {
            let replica = with_settings(node("a", "role:slave"), &[("replica-serve-stale-data", value)]);
            assert_eq!(only(&findings(&alone(replica)), "stale-reads").status, status);
        }
        assert_eq!(worst(&findings(&alone(node("a", "role:master"))), "stale-reads"), None);
        assert_eq!(
            worst(&findings(&alone(node("a", "role:slave"))), "stale-reads"),
            Some(Warning),
            "not seen"
        );
    }

    #[test]
    fn clients_are_a_warning_from_80_percent_of_what_it_takes() {
        for (connected, status) in [(79, Ok), (80, Warning), (100, Warning)] {
            let info = format!("connected_clients:{connected}\nmaxclients:100");
            assert_eq!(clients(&Info::read(&info)).unwrap().status, status, "{connected}");
        }
        assert!(clients(&Info::read("connected_clients:7")).is_none());
    }

    #[test]
    fn sizes_are_written_for_people() {
        let written = [0, 1023, 1024, 1536, 256 << 20, 3 << 29].map(size);
        assert_eq!(written, ["0 B", "1023 B", "1 KiB", "1.5 KiB", "256 MiB", "1.5 GiB"]);
    }
}
