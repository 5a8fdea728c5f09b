//! What survives the restart of a server.

use crate::{Check, Finding, FindingStatus};

use super::setting;
use crate::redis::info::Info;
use crate::redis::snapshot::{Facts, Node, Snapshot};
use token_redis::inspect::answers_waitaof_early;

const PERSISTENCE: Check = Check {
    name: "persistence",
    wanted: "appendonly yes, and a disk that takes it, on primaries and on replicas",
    why: "a token counts only while its record is there, so what a restart loses is refused. A primary that comes back \
          empty before a replica has taken over also empties its replicas: without persistence, let nothing restart it \
          by itself",
};

const SYNC: Check = Check {
    name: "appendfsync",
    wanted: "everysec, or always",
    why: "otherwise the system decides when changes reach the disk: the loss of power undoes revocations of half a \
          minute or more, and --confirm disk confirms nothing",
};

const WAITAOF: Check = Check {
    name: "waitaof",
    wanted: "Redis 7.2, 8.0 or later, or appendfsync always, for --confirm disk",
    why: "Redis 7.4 and Valkey from 8.0 answer WAITAOF before the disk has a change (redis/redis#13793): --confirm disk \
          confirms nothing there, unless each change is synced and the user may CONFIG GET",
};

pub(super) fn findings(snapshot: &Snapshot) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (node, facts, info) in snapshot.infos() {
        let persistence = persistence(facts, info);
        findings.push(persistence.at(&node.name));
        if info.is("aof_enabled", "1") {
            findings.push(sync(node, facts));
            findings.extend(early_waitaof(facts, info).map(|finding| finding.at(&node.name)));
        }
    }
    findings
}

fn persistence(facts: &Facts, info: &Info) -> Finding {
    let saves =
        facts.settings.as_ref().ok().and_then(|settings| settings.get("save")).map(|save| !save.is_empty());
    let has_replicas = !info.followers().is_empty();
    match info.text("aof_enabled") {
        None => PERSISTENCE.warning("not seen: the server does not tell it"),
        Some("1") if !info.is("aof_last_write_status", "ok") => {
            PERSISTENCE.failure("the append-only file cannot be written: the server takes no changes")
        }
        Some("1") => PERSISTENCE.ok("an append-only file"),
        Some(_) if saves == Some(true) && !info.is("rdb_last_bgsave_status", "ok") => {
            PERSISTENCE.failure("snapshots only, and the last one failed: the server takes no changes")
        }
        Some(_) => PERSISTENCE.warning(match (saves, has_replicas) {
            (Some(true), _) => "snapshots only: a restart goes back to the last one, revoked tokens included",
            (Some(false), true) => "nothing is kept: a restart loses all tokens, and empties the replicas",
            (Some(false), false) => "nothing is kept: a restart loses all tokens",
            (None, true) => "no append-only file (snapshots were not seen): a restart may empty the replicas",
            (None, false) => "no append-only file (snapshots were not seen)",
        }),
    }
}

fn sync(node: &Node, facts: &Facts) -> Finding {
    setting(&SYNC, (node, facts), "appendfsync", |value| match value {
        "everysec" | "always" => FindingStatus::Ok,
        _ => FindingStatus::Warning,
    })
}

/// A warning about a server that answers WAITAOF early, unless it syncs each change.
fn early_waitaof(facts: &Facts, info: &Info) -> Option<Finding> {
    let settings = facts.settings.as_ref().ok();
    let always = settings.and_then(|settings| settings.get("appendfsync")).is_some_and(|how| how == "always");
    let early = answers_waitaof_early(|name| info.text(name))?;
    (early && !always).then(|| WAITAOF.warning("this version answers WAITAOF early"))
}

#[cfg(test)]
mod tests {
    use FindingStatus::{Failure, Ok, Warning};

    use super::super::fixtures::{alone, node, only, with_settings, worst};
    use super::*;

    fn status(info: &str, settings: &[(&str, &str)]) -> FindingStatus {
        only(&findings(&alone(with_settings(node("a", info), settings))), "persistence").status
    }

    #[test]
    fn an_append_only_file_that_can_be_written_is_ok() {
        assert_eq!(status("aof_enabled:1\naof_last_write_status:ok", &[]), Ok);
        assert_eq!(status("aof_enabled:1\naof_last_write_status:err", &[]), Failure);
    }

    #[test]
    fn snapshots_alone_and_nothing_at_all_are_warnings() {
        let info = "aof_enabled:0\nrdb_last_bgsave_status:ok";
        assert_eq!(status(info, &[("save", "3600 1")]), Warning);
        assert_eq!(status(info, &[("save", "")]), Warning);
    }

    #[test]
    fn a_failed_snapshot_is_a_failure_only_if_snapshots_are_on() {
        let info = "aof_enabled:0\nrdb_last_bgsave_status:err";
        assert_eq!(status(info, &[("save", "3600 1")]), Failure);
        assert_eq!(status(info, &[("save", "")]), Warning, "a copy for a replica failed");
    }

    #[test]
    fn without_persistence_a_restart_is_said_to_empty_the_replicas() {
        let info = "role:master\naof_enabled:0\nslave0:ip=h,port=1,state=online,offset=1,lag=0";
        let all = findings(&alone(with_settings(node("a", info), &[("save", "")])));
        assert!(only(&all, "persistence").found.contains("empties the replicas"));
    }

    #[test]
    fn a_server_that_answers_waitaof_early_is_a_warning() {
        let of = |version: &str, how| {
            let info = format!("aof_enabled:1\n{version}");
            worst(&findings(&alone(with_settings(node("a", &info), &[("appendfsync", how)]))), "waitaof")
        };
        assert_eq!(of("redis_version:7.4.1", "everysec"), Some(Warning));
        assert_eq!(of("redis_version:7.2.4\nvalkey_version:8.0.1", "everysec"), Some(Warning));
        assert_eq!(of("redis_version:7.4.1", "always"), None);
        assert_eq!(of("redis_version:8.0.2", "everysec"), None);
    }

    #[test]
    fn appendfsync_is_examined_only_with_an_append_only_file() {
        let synced = |value| with_settings(node("a", "aof_enabled:1"), &[("appendfsync", value)]);
        for (value, status) in [("everysec", Ok), ("always", Ok), ("no", Warning)] {
            assert_eq!(worst(&findings(&alone(synced(value))), "appendfsync"), Some(status));
        }
        assert_eq!(
            worst(&findings(&alone(node("a", "aof_enabled:1"))), "appendfsync"),
            Some(Warning),
            "not seen"
        );
        assert_eq!(worst(&findings(&alone(node("a", "aof_enabled:0"))), "appendfsync"), None);
    }
}
