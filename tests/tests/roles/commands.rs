//! Of all commands of the server, each role may run those that it needs and no other.
//!
//! These lists are independent of `deploy/acl/`: a command that is added there must also be added here, with a reason.

use std::collections::BTreeSet;

use redis::{FromRedisValue, Value};
use token_tests::servers::{Roles, Standalone};

/// Scripts by hash, and in full for a node that does not know them.
const SCRIPTS: &[&str] = &["evalsha", "eval"];
/// Logging in, and checking a connection and the map of a cluster.
const CONNECTIONS: &[&str] = &["hello", "auth", "ping", "asking", "cluster|slots", "cluster|nodes"];
/// Commands that no server refuses to any user: to log in, to reset and to quit.
const ANYBODY: &[&str] = &["auth", "hello", "quit", "reset"];
/// The commands of `validate.lua`.
const VALIDATING: &[&str] = &["get", "time", "pexpireat", "pexpiretime"];
/// The additional commands of `prepare_issue.lua`, `issue.lua`, `list.lua` and `show.lua`.
const ISSUING: &[&str] =
    &["set", "exists", "persist", "zadd", "zrem", "zrange", "zrandmember", "zremrangebyscore"];
/// Waiting for replicas or for the disk, on a connection from a pool.
const CONFIRMING: &[&str] = &["wait", "waitaof", "role", "unwatch"];
/// Commands that the oldest server does not have, even if a role may run them.
const LATER: &[&str] = &["waitaof"];
/// The additional command of `without_writing.lua`: a section of INFO, which no list of commands contains.
const WITHOUT_WRITING: &[&str] = &["info|replication"];
/// The additional commands of the revoke scripts, and of the walk over all indexes.
const ADMINISTERING: &[&str] = &["del", "scan"];
/// Receiving and publishing revocations.
const HEARING: &[&str] = &["subscribe"];
const TELLING: &[&str] = &["publish"];
/// Commands that report the state of a server.
const EXAMINING: &[&str] = &["info", "cluster|info"];

/// The commands of a role, by the name of its file in `deploy/acl/`.
pub(crate) fn permitted(role: &str) -> BTreeSet<String> {
    let groups: &[&[&str]] = match role {
        "validator" => &[SCRIPTS, CONNECTIONS, VALIDATING, WITHOUT_WRITING, HEARING],
        "issuer" => &[SCRIPTS, CONNECTIONS, VALIDATING, WITHOUT_WRITING, ISSUING, CONFIRMING],
        "admin" => &[
            SCRIPTS,
            CONNECTIONS,
            VALIDATING,
            ISSUING,
            CONFIRMING,
            ADMINISTERING,
            EXAMINING,
            HEARING,
            TELLING,
        ],
        // A validation of a key that no token has, over a connection to each node.
        "doctor" => &[
            SCRIPTS,
            EXAMINING,
            &["hello", "auth", "ping", "cluster|nodes", "get", "time"],
            // Settings that no other command reports.
            &["config|get"],
        ],
        "replica" => &[&["psync", "replconf", "ping"]],
        "operator" => &[
            &["role", "cluster|info", "cluster|nodes", "cluster|myid"],
            &["cluster|meet", "cluster|addslotsrange", "cluster|replicate"],
        ],
        "probe" => &[&["cluster|info"]],
        _ => panic!("a new role: say here what it may do"),
    };
    groups.concat().into_iter().map(str::to_owned).collect()
}

/// The commands of a role that this server has.
async fn permitted_on(server: &Standalone, role: &str) -> BTreeSet<String> {
    let mut names = permitted(role);
    for &later in LATER {
        let known: Vec<Value> = server.command(&["COMMAND", "INFO", later]).await;
        if known == [Value::Nil] {
            names.remove(later);
        }
    }
    names
}

/// A key that the role may use, if it may use any. It is passed as every argument, so that no argument is the reason for a
/// refusal.
pub(crate) fn own_key(role: &str) -> &'static str {
    if role == "doctor" { "tok:{aa}:doctor" } else { "tok:{aa}:key" }
}

/// A command or subcommand, from the description by the server.
pub(crate) struct Known {
    /// `get`, `cluster|slots`
    pub(crate) name: String,
    arity: i64,
    keys: Keys,
    has_subcommands: bool,
}

/// The positions of its keys.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Keys {
    Nowhere,
    /// At every position of the shortest call.
    Everywhere,
    /// After their number, which is at this position.
    Counted(usize),
}

impl Known {
    /// All commands, with all subcommands.
    pub(crate) async fn all(server: &Standalone) -> Vec<Self> {
        let commands: Vec<Value> = server.command(&["COMMAND"]).await;
        assert_eq!(commands.len(), server.command::<usize>(&["COMMAND", "COUNT"]).await);
        commands.iter().flat_map(Self::read).collect()
    }

    /// A command and its subcommands.
    fn read(value: &Value) -> Vec<Self> {
        let Value::Array(parts) = value else { panic!("{value:?}") };
        let Value::Array(subcommands) = &parts[9] else { panic!("{value:?}") };
        let known = Self {
            name: String::from_redis_value_ref(&parts[0]).unwrap(),
            arity: i64::from_redis_value_ref(&parts[1]).unwrap(),
            keys: Keys::read(&parts[8]),
            has_subcommands: !subcommands.is_empty(),
        };
        std::iter::once(known).chain(subcommands.iter().flat_map(Self::read)).collect()
    }

    /// The shortest call with a valid number of arguments, all of them this key or channel.
    pub(crate) fn call<'a>(&'a self, key: &'a str) -> Vec<&'a str> {
        let mut words: Vec<&str> = self.name.split('|').collect();
        let length = usize::try_from(self.arity.unsigned_abs()).unwrap().max(words.len());
        let key = if matches!(words[0], "publish" | "subscribe") { "tok:revoked" } else { key };
        words.resize(length, key);
        if let Keys::Counted(place) = self.keys {
            words.resize(length.max(place + 2), key);
            words[place] = "1";
        }
        words
    }

    pub(crate) fn has_keys(&self) -> bool {
        self.keys != Keys::Nowhere
    }

    /// Whether it cannot be called by itself: one of its subcommands, which are listed as commands, must follow.
    fn only_holds_subcommands(&self) -> bool {
        self.has_subcommands && self.arity <= -2
    }
}

impl Keys {
    /// Parses the key specifications of a command.
    fn read(value: &Value) -> Self {
        let Value::Array(specifications) = value else { panic!("{value:?}") };
        let text = format!("{specifications:?}");
        if specifications.is_empty() {
            return Self::Nowhere;
        }
        if !text.contains("keynum") {
            return Self::Everywhere;
        }
        let Value::Array(parts) = &specifications[0] else { panic!("{text}") };
        let begin = parts.iter().position(|part| *part == Value::BulkString("begin_search".into())).unwrap();
        let Value::Array(search) = &parts[begin + 1] else { panic!("{text}") };
        let Some(Value::Array(index)) = search.last() else { panic!("{text}") };
        match usize::from_redis_value_ref(index.last().unwrap()) {
            Ok(place) => Self::Counted(place),
            // The number of keys follows a keyword, which no command of a role has.
            Err(_) => Self::Everywhere,
        }
    }
}

/// The reply that the server predicts (ACL DRYRUN).
pub(crate) async fn dry_run(server: &Standalone, role: &str, call: &[&str]) -> Result<String, String> {
    let words = [&["ACL", "DRYRUN", role], call].concat();
    let mut command = redis::cmd(words[0]);
    command.arg(&words[1..]);
    command.query_async(&mut server.connection().await).await.map_err(|error| error.to_string())
}

async fn each_command_is_for_those_who_need_it(role: &str) {
    let server = Standalone::start_with_roles().await;
    let mut permitted = permitted_on(&server, role).await;
    permitted.extend(ANYBODY.iter().map(|&name| name.to_owned()));
    permitted.retain(|name| !WITHOUT_WRITING.contains(&name.as_str()));
    let mut run = BTreeSet::new();
    for command in Known::all(&server).await {
        let call = command.call(own_key(role));
        let answer = dry_run(&server, role, &call).await;
        if command.only_holds_subcommands() {
            let answer = answer.unwrap_err();
            assert!(answer.contains("not found"), "{call:?}: {answer}");
            continue;
        }
        match answer.unwrap_or_else(|error| panic!("{call:?}: {error}")).as_str() {
            "OK" => assert!(run.insert(command.name)),
            refusal => {
                let refused = format!("no permissions to run the '{}' command", command.name);
                assert!(refusal.ends_with(&refused), "{call:?}: {refusal}");
            }
        }
    }
    assert_eq!(run, permitted);
}

#[tokio::test]
async fn validators_may_run_only_the_commands_that_validating_needs() {
    each_command_is_for_those_who_need_it("validator").await;
}

#[tokio::test]
async fn issuers_may_run_only_the_commands_that_issuing_needs() {
    each_command_is_for_those_who_need_it("issuer").await;
}

#[tokio::test]
async fn admins_may_run_only_the_commands_that_administering_needs() {
    each_command_is_for_those_who_need_it("admin").await;
}

#[tokio::test]
async fn the_doctor_may_read_the_state_and_run_no_other_command() {
    each_command_is_for_those_who_need_it("doctor").await;
}

#[tokio::test]
async fn server_roles_may_run_only_the_commands_they_need() {
    for role in ["replica", "operator", "probe"] {
        each_command_is_for_those_who_need_it(role).await;
    }
}

/// A rule can permit a command with certain first arguments only, which no list of commands contains.
#[tokio::test]
async fn the_servers_read_the_roles_as_these_lists() {
    let server = Standalone::start_with_roles().await;
    for role in Roles::names().iter().filter(|&role| role != "default") {
        let rules = super::keys::rules(&server, role).await;
        let commands = rules["commands"].strip_prefix("-@all ").unwrap();
        let added: BTreeSet<String> =
            commands.split(' ').map(|rule| rule.strip_prefix('+').unwrap().to_owned()).collect();
        assert_eq!(added, permitted_on(&server, role).await, "{role}");
    }
}
