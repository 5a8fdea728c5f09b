//! Of all commands that the server knows, each role may run those that it needs and no other.
//!
//! The lists stand here once more, independently of `deploy/acl/`: what is added there must be added here, with a reason.

use std::collections::BTreeSet;

use redis::{FromRedisValue, Value};
use token_tests::servers::{Roles, Standalone};

/// Scripts by hash, and in full for a node that does not know them.
const SCRIPTS: &[&str] = &["evalsha", "eval"];
/// Getting in, and finding out whether a connection and the map of a cluster are still good.
const CONNECTIONS: &[&str] = &["hello", "auth", "ping", "asking", "cluster|slots", "cluster|nodes"];
/// What no server refuses to anybody, whatever the role: to log in, to log out, and to go.
const ANYBODY: &[&str] = &["auth", "hello", "quit", "reset"];
/// What `validate.lua` calls.
const VALIDATING: &[&str] = &["get", "time", "pexpireat", "pexpiretime"];
/// What `prepare_issue.lua`, `issue.lua`, `list.lua` and `show.lua` call as well.
const ISSUING: &[&str] =
    &["set", "exists", "persist", "zadd", "zrem", "zrange", "zrandmember", "zremrangebyscore"];
/// Waiting for replicas or for the disk, on a connection from a pool.
const CONFIRMING: &[&str] = &["wait", "waitaof", "role", "unwatch"];
/// What the oldest server does not know, whatever a role may.
const LATER: &[&str] = &["waitaof"];
/// What `without_writing.lua` also calls: a section of INFO, which no list of commands has.
const WITHOUT_WRITING: &[&str] = &["info|replication"];
/// What the revoke scripts call as well, and the walk over all indexes.
const ADMINISTERING: &[&str] = &["del", "scan"];
/// Hearing and telling of revocations.
const HEARING: &[&str] = &["subscribe"];
const TELLING: &[&str] = &["publish"];
/// What servers tell of themselves.
const EXAMINING: &[&str] = &["info", "cluster|info"];

/// What a role may run, by the name of its file in `deploy/acl/`.
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
        // A validation on a key that no token has, by a connection to each node.
        "doctor" => &[
            SCRIPTS,
            EXAMINING,
            &["hello", "auth", "ping", "cluster|nodes", "get", "time"],
            // Settings that nothing else tells.
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

/// What a role may run of what this server knows.
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

/// A key that the role may use, if it may use any. As an argument it stands in every place, so that it is never the reason
/// of a refusal.
pub(crate) fn own_key(role: &str) -> &'static str {
    if role == "doctor" { "tok:{aa}:doctor" } else { "tok:{aa}:key" }
}

/// A command or subcommand, as the server describes it.
pub(crate) struct Known {
    /// `get`, `cluster|slots`
    pub(crate) name: String,
    arity: i64,
    keys: Keys,
    has_subcommands: bool,
}

/// Where its keys stand.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Keys {
    Nowhere,
    /// In every place, as far as a call of the least length goes.
    Everywhere,
    /// Behind their number, which stands in this place.
    Counted(usize),
}

impl Known {
    /// All there are, with all subcommands.
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

    /// The shortest call that has a right number of arguments, all of them this key, or the channel that there is.
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

    /// Nobody can call it: behind its name there must be one of its subcommands, which are commands of their own.
    fn only_holds_subcommands(&self) -> bool {
        self.has_subcommands && self.arity <= -2
    }
}

impl Keys {
    /// Reads the specifications of a command's keys.
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
            // The number stands behind a word, which no role's command has.
            Err(_) => Self::Everywhere,
        }
    }
}

/// What the server says it would answer.
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
async fn issuers_may_run_what_issuing_takes_and_no_other_command() {
    each_command_is_for_those_who_need_it("issuer").await;
}

#[tokio::test]
async fn admins_may_run_what_administering_takes_and_no_other_command() {
    each_command_is_for_those_who_need_it("admin").await;
}

#[tokio::test]
async fn the_doctor_may_look_at_servers_and_run_no_other_command() {
    each_command_is_for_those_who_need_it("doctor").await;
}

#[tokio::test]
async fn server_roles_may_run_only_the_commands_they_need() {
    for role in ["replica", "operator", "probe"] {
        each_command_is_for_those_who_need_it(role).await;
    }
}

/// A rule can permit a command with certain first arguments only, which no list of commands shows.
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
