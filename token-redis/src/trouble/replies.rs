//! The meaning of error replies.

use redis::{ErrorKind, RedisError};
use token_core::StoreErrorKind::{self, Corrupt, Denied, Full, LoginRefused, Misconfigured, Unavailable};

use super::ConnectPhase;

/// A server that does not speak RESP3.
pub(super) const TOO_OLD: &str = "is too old: it takes Redis 7.0 or later, or Valkey";

const NOT_PERMITTED: &str = "does not permit this; give the user of the store URL the rights of its role (deploy/acl, token-cli doctor)";

/// The kind of an error reply, and text that follows the server's name: what is wrong, and what to do. `None` if the error is
/// not a known reply.
pub(super) fn meaning(error: &RedisError, stage: ConnectPhase) -> Option<(StoreErrorKind, &'static str)> {
    if error.kind() == ErrorKind::AuthenticationFailed {
        return Some((LoginRefused, WRONG_PASSWORD));
    }
    let text = error.detail().unwrap_or_default();
    if is_refused_script(text) {
        return Some((Denied, NOT_PERMITTED));
    }
    match error.code()? {
        "ERR" => general(text),
        // The node that gives a slot away redirects to the one that receives it, which has only some of the keys.
        "ASK" if matches!(stage, ConnectPhase::Connected { cluster: true }) => {
            Some((Unavailable, HALF_MOVED))
        }
        "MOVED" | "ASK" => Some(match stage {
            ConnectPhase::Connected { cluster: true } => (
                Unavailable,
                "sends from node to node: its nodes do not agree on who has the slot; try again, and if that stays \
                 so, see redis-cli --cluster check",
            ),
            _ => (Misconfigured, "is a node of a cluster; write redis-cluster:// instead of redis://"),
        }),
        // Nothing has been written yet: the URL names the wrong server, not one that has just been demoted.
        "READONLY" | "MASTERDOWN" if matches!(stage, ConnectPhase::Connecting { .. }) => {
            Some((Misconfigured, IS_REPLICA))
        }
        code => TABLE.iter().find(|(known, ..)| *known == code).map(|&(_, kind, advice)| (kind, advice)),
    }
}

const WRONG_PASSWORD: &str = "refused user name or password; check both in the store URL";

const TABLE: &[(&str, StoreErrorKind, &str)] = &[
    (
        "NOAUTH",
        LoginRefused,
        "demands a password; put user name and password into the store URL (TOKEN_STORE)",
    ),
    ("WRONGPASS", LoginRefused, WRONG_PASSWORD),
    ("NOPERM", Denied, NOT_PERMITTED),
    (
        "DENIED",
        Denied,
        "is in protected mode and answers only to its own machine; give its users passwords, then set \
         protected-mode no there",
    ),
    ("OOM", Full, "is out of memory; raise maxmemory or let tokens expire"),
    (
        "MISCONF",
        Unavailable,
        "cannot write to its disk and takes no changes; make room on its disk, and look at its log",
    ),
    ("NOREPLICAS", Unavailable, "has too few replicas to accept writes; check its replication"),
    ("READONLY", Unavailable, IS_REPLICA),
    (
        "MASTERDOWN",
        Unavailable,
        "is a replica that has lost its primary; name the primary, or mend the replication",
    ),
    (
        "CLUSTERDOWN",
        Unavailable,
        "is down as a cluster: some of its slots have no primary; start its missing nodes, or see redis-cli \
         --cluster check",
    ),
    ("TRYAGAIN", Unavailable, HALF_MOVED),
    ("LOADING", Unavailable, "is loading its data; try again in a while"),
    ("BUSY", Unavailable, BUSY),
    ("UNKILLABLE", Unavailable, BUSY),
    ("NOPROTO", Misconfigured, TOO_OLD),
    (
        "WRONGTYPE",
        Corrupt,
        "holds a key of another type in the place of one of the store's own; find it (redis-cli TYPE) and delete or \
         rename it, or give the store another namespace",
    ),
];

const HALF_MOVED: &str = "has a slot that is half moved to another node; if no reshard is under way, finish the one that was \
                          interrupted: redis-cli --cluster fix";
const IS_REPLICA: &str = "is a replica, which takes no writes; name its primary in the store URL";
const BUSY: &str = "is busy with a script that does not end; stop that script there with SCRIPT KILL";

/// Replies without a code of their own.
fn general(text: &str) -> Option<(StoreErrorKind, &'static str)> {
    let unknown = |command: &str| {
        let rest = text.strip_prefix("unknown command").map(str::to_ascii_lowercase);
        rest.is_some_and(|rest| rest.contains(command))
    };
    Some(match text {
        _ if is_full_of_clients(text) => (
            Unavailable,
            "has as many clients as it takes; raise maxclients there, or close clients that nobody needs",
        ),
        _ if text.contains("cluster support disabled") => {
            (Misconfigured, "is no node of a cluster; write redis:// instead of redis-cluster://")
        }
        _ if text.contains("SELECT is not allowed in cluster mode") => {
            (Misconfigured, "is a node of a cluster, which has no numbered databases; write redis-cluster://")
        }
        _ if text.contains("DB index is out of range") || text.contains("invalid DB index") => {
            (Misconfigured, "has no database of that number; write another one into the store URL")
        }
        _ if unknown("sentinel") => (
            Misconfigured,
            "is no Sentinel; write redis:// for a server, or the port of a Sentinel (26379 mostly)",
        ),
        _ if unknown("evalsha") || unknown("cluster") => (
            Misconfigured,
            "is a Sentinel or something else that keeps no tokens; for Sentinels write \
             redis-sentinel://HOST:PORT/0?sentinelServiceName=NAME",
        ),
        _ if unknown("hello") => (Misconfigured, TOO_OLD),
        _ => return None,
    })
}

/// Redis has no error code for a command that a script may not run because of the user's rights. The text differs before and
/// from version 7.2.
fn is_refused_script(text: &str) -> bool {
    ["The user executing the script ", "ACL failure in script: "]
        .iter()
        .any(|beginning| text.starts_with(beginning))
}

fn is_full_of_clients(text: &str) -> bool {
    text.starts_with("max number of clients")
}

/// Whether the same server may answer differently in a moment, so that another attempt makes sense.
pub(crate) fn is_temporary(error: &RedisError) -> bool {
    match error.code() {
        Some("LOADING" | "TRYAGAIN" | "BUSY") => true,
        Some("ERR") => is_full_of_clients(error.detail().unwrap_or_default()),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(text: &str) -> RedisError {
        let value = redis::parse_redis_value(format!("-{text}\r\n").as_bytes()).unwrap();
        value.extract_error().unwrap_err()
    }

    fn meant(text: &str, stage: ConnectPhase) -> (StoreErrorKind, String) {
        super::super::of(&reply(text), stage)
    }

    const ALONE: ConnectPhase = ConnectPhase::Connected { cluster: false };
    const CLUSTER: ConnectPhase = ConnectPhase::Connected { cluster: true };

    /// Texts of Redis 7.0.15, 8.0.2 and Valkey 8.1.1.
    #[test]
    fn each_reply_names_its_cause_and_has_a_kind() {
        for (text, kind, cause) in [
            (
                "NOAUTH HELLO must be called with the client already authenticated",
                LoginRefused,
                "demands a password",
            ),
            (
                "WRONGPASS invalid username-password pair or user is disabled.",
                LoginRefused,
                "user name or password",
            ),
            ("NOPERM User me has no permissions to run the 'get' command", Denied, "does not permit"),
            ("DENIED Redis is running in protected mode because", Denied, "protected mode"),
            ("OOM command not allowed when used memory > 'maxmemory'.", Full, "out of memory"),
            ("MISCONF Errors writing to the AOF file: No space left on device", Unavailable, "its disk"),
            ("MISCONF Valkey is configured to save RDB snapshots, but it's", Unavailable, "its disk"),
            ("NOREPLICAS Not enough good replicas to write.", Unavailable, "too few replicas"),
            ("READONLY You can't write against a read only replica.", Unavailable, "is a replica"),
            (
                "MASTERDOWN Link with MASTER is down and replica-serve-stale-data",
                Unavailable,
                "lost its primary",
            ),
            ("CLUSTERDOWN Hash slot not served", Unavailable, "have no primary"),
            ("TRYAGAIN Multiple keys request during rehashing of slot", Unavailable, "--cluster fix"),
            ("LOADING Redis is loading the dataset in memory", Unavailable, "is loading"),
            (
                "BUSY Redis is busy running a script. You can only call SCRIPT KILL",
                Unavailable,
                "SCRIPT KILL",
            ),
            ("NOPROTO unsupported protocol version", Misconfigured, "too old"),
            (
                "WRONGTYPE Operation against a key holding the wrong kind of value",
                Corrupt,
                "a key of another type",
            ),
            ("ERR max number of clients reached", Unavailable, "maxclients"),
            ("ERR max number of clients + cluster connections reached", Unavailable, "maxclients"),
            ("ERR This instance has cluster support disabled", Misconfigured, "write redis://"),
            ("ERR SELECT is not allowed in cluster mode", Misconfigured, "redis-cluster://"),
            ("ERR DB index is out of range", Misconfigured, "no database"),
            ("ERR unknown command 'SENTINEL', with args beginning with: 'x'", Misconfigured, "no Sentinel"),
            ("ERR unknown command `SENTINEL`, with args beginning with: `x`", Misconfigured, "no Sentinel"),
            (
                "ERR unknown command 'EVALSHA', with args beginning with: 'a'",
                Misconfigured,
                "redis-sentinel://",
            ),
            ("ERR something new", Misconfigured, "Redis >= 7.0"),
        ] {
            let (found, advice) = meant(text, ALONE);
            assert_eq!(found, kind, "{text}: {advice}");
            assert!(advice.contains(cause), "{text}: {advice}");
        }
    }

    #[test]
    fn a_refusal_in_a_script_is_recognised_for_every_server() {
        for text in [
            "ERR The user executing the script can't run this command or subcommand script: 4b, on @user_script:12.",
            "ERR The user executing the script can't access at least one of the keys mentioned in the command",
            "ERR ACL failure in script: User validator has no permissions to run the 'set' command script: 4b",
            "ERR ACL failure in script: No permissions to access a key script: 4b, on @user_script:12.",
        ] {
            assert_eq!(meant(text, ALONE).0, Denied, "{text}");
        }
    }

    #[test]
    fn a_redirection_means_another_url_only_outside_of_a_cluster() {
        for text in ["MOVED 93 127.0.0.1:7001", "ASK 93 127.0.0.1:7001"] {
            assert_eq!(meant(text, ALONE).0, Misconfigured);
            let (kind, advice) = meant(text, CLUSTER);
            assert!(kind == Unavailable && !advice.contains("redis-cluster://"), "{advice}");
        }
    }

    #[test]
    fn only_errors_that_pass_by_themselves_are_temporary() {
        for text in ["LOADING x", "TRYAGAIN x", "BUSY x", "ERR max number of clients reached"] {
            assert!(is_temporary(&reply(text)), "{text}");
        }
        for text in ["MISCONF x", "READONLY x", "NOAUTH x", "OOM x", "ERR unknown command 'x'", "MOVED 1 h:1"]
        {
            assert!(!is_temporary(&reply(text)), "{text}");
        }
    }
}
