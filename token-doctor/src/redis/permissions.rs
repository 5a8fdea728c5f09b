//! What a user may do: asked with `acl_check.lua`, which runs none of what it asks about.
//!
//! Redis' own `redis.acl_check_cmd` compares a command and its keys with the rights of the user who runs the script, and that
//! is all it does: nothing is sent that could change data or block, whatever the answer is. It needs no right but
//! `eval`, which every role has, and leaves no trace in the server's `ACL LOG`.

use super::role::{LATER, Role};
use token_redis::Namespace;
use token_redis::inspect::Layout;

/// What the user of a connection may do, as far as its role is concerned.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Permissions {
    /// What the role needs and the user may not.
    pub(super) missing: Vec<String>,
    /// What the user may do beyond the role. The worst comes first.
    pub(super) beyond: Vec<String>,
}

/// What is asked, in order, with names for the answers.
pub(super) struct Inquiry {
    needed: Vec<(String, String)>,
    unneeded: Vec<(String, String)>,
}

/// Commands that no role has and that do harm in the wrong hands, the worst first. `KEY` stands for a key of ours.
/// Arguments only fill the places that the command must have: see `acl_check.lua`.
const HARMFUL: &[&str] = &[
    "flushall",
    "flushdb",
    "config|set a b",
    "acl|setuser a",
    "acl|deluser a",
    "acl|load",
    "shutdown",
    "debug a",
    "module|load a",
    "function|load a",
    "function|delete a",
    "function|flush",
    "replicaof a b",
    "slaveof a b",
    "failover",
    "cluster|reset",
    "cluster|failover",
    "cluster|forget a",
    "cluster|meet a 1",
    "cluster|setslot 1 a",
    "cluster|addslots 1",
    "cluster|delslots 1",
    "cluster|flushslots",
    "cluster|replicate a",
    "migrate a 1 KEY 0 1",
    "restore KEY 0 a",
    "rename KEY KEY",
    "renamenx KEY KEY",
    "copy KEY KEY",
    "move KEY 1",
    "swapdb 0 1",
    "unlink KEY",
    "del KEY",
    "set KEY a",
    "setex KEY 1 a",
    "psetex KEY 1 a",
    "setnx KEY a",
    "setrange KEY 0 a",
    "getset KEY a",
    "getdel KEY",
    "getex KEY",
    "append KEY a",
    "mset KEY a",
    "expire KEY 1",
    "pexpire KEY 1",
    "expireat KEY 1",
    "pexpireat KEY 1",
    "persist KEY",
    "zadd KEY 1 a",
    "zrem KEY a",
    "zremrangebyscore KEY 0 1",
    "zremrangebyrank KEY 0 1",
    "monitor",
    "psync a 1",
    "sync",
    "replconf",
    "config|get a",
    "config|rewrite",
    "acl|list",
    "acl|getuser a",
    "script|flush",
    "script|kill",
    "client|kill a",
    "client|pause 1",
    "client|list",
    "keys a",
    "scan 0",
    "randomkey",
    "dump KEY",
    "save",
    "bgsave",
    "bgrewriteaof",
    "subscribe a",
    "psubscribe a",
    "publish a b",
    "slowlog|get",
];

/// Commands of roles that cannot stand without arguments. `CHANNEL` stands for ours.
const ARGUMENTS: &[(&str, &str)] = &[
    ("evalsha", "a 0"),
    ("eval", "a 0"),
    ("get", "KEY"),
    ("exists", "KEY"),
    ("set", "KEY a"),
    ("del", "KEY"),
    ("persist", "KEY"),
    ("pexpireat", "KEY 1"),
    ("pexpiretime", "KEY"),
    ("zadd", "KEY 1 a"),
    ("zrandmember", "KEY"),
    ("zrange", "KEY 0 1"),
    ("zrem", "KEY a"),
    ("zremrangebyscore", "KEY 0 1"),
    ("scan", "0"),
    ("wait", "1 1"),
    ("waitaof", "1 0 1"),
    ("auth", "a"),
    ("config|get", "a"),
    ("subscribe", "CHANNEL"),
    ("publish", "CHANNEL a"),
];

impl Inquiry {
    /// About a user with this role.
    pub(super) fn about(role: Role, namespace: &Namespace) -> Self {
        let layout = Layout::new(namespace);
        let key = layout.unused_key(|_| true).unwrap_or_else(|| format!("{namespace}:doctor"));
        let line = |command: &str, arguments: &str| {
            let arguments = arguments.replace("KEY", &key).replace("CHANNEL", &layout.revocation_channel());
            format!("{} {arguments}", command.replace('|', " "))
        };
        let mut needed: Vec<(String, String)> = role
            .commands()
            .iter()
            .map(|&command| {
                let arguments = ARGUMENTS.iter().find(|(name, _)| *name == command);
                (command.to_owned(), line(command, arguments.map_or("", |(_, arguments)| arguments)))
            })
            .collect();
        let mut unneeded: Vec<(String, String)> = HARMFUL
            .iter()
            .filter_map(|form| {
                let (command, arguments) = form.split_once(' ').unwrap_or((form, ""));
                let of_the_role = role.commands().contains(&command);
                (!of_the_role).then(|| (command.to_owned(), line(command, arguments)))
            })
            .collect();
        for key in layout.key_examples() {
            let asked = (format!("keys like {key}"), line("get", &key));
            // The doctor needs no key but the one that no token has.
            if role == Role::Doctor { unneeded.push(asked) } else { needed.push(asked) }
        }
        for key in ["another:{00}:doctor".to_owned(), format!("{namespace}-another:{{00}}:doctor")] {
            unneeded.push((format!("keys outside {namespace}: such as {key}"), line("get", &key)));
        }
        for command in
            ["subscribe", "publish"].into_iter().filter(|command| role.commands().contains(command))
        {
            let others = format!("{command} on channels outside {namespace}");
            unneeded.push((others, line(command, "another:revoked a")));
        }
        Self { needed, unneeded }
    }

    /// The question.
    pub(super) fn command(&self) -> Vec<&str> {
        let asked = self.needed.iter().chain(&self.unneeded);
        ["EVAL", ACL_CHECK, "0"].into_iter().chain(asked.map(|(_, line)| line.as_str())).collect()
    }

    /// What the answer means; `None` when it is none.
    pub(super) fn read(&self, answers: &[i64]) -> Option<Permissions> {
        if answers.len() != self.needed.len() + self.unneeded.len() {
            return None;
        }
        let (needed, unneeded) = answers.split_at_checked(self.needed.len())?;
        let is_missing = |name: &str, answer| match answer {
            PERMITTED => false,
            UNKNOWN => !LATER.contains(&name),
            _ => true,
        };
        Some(Permissions {
            missing: pick(&self.needed, needed, is_missing),
            beyond: pick(&self.unneeded, unneeded, |_, answer| answer == PERMITTED),
        })
    }
}

/// The script that compares commands with the rights of the user.
const ACL_CHECK: &str = include_str!("../../lua/acl_check.lua");

/// What `acl_check.lua` answers about a command that the user may run.
const PERMITTED: i64 = 1;
/// What it answers about a command that the server does not know.
const UNKNOWN: i64 = -1;

/// The names of those that were asked about whose answer fits.
fn pick(asked: &[(String, String)], answers: &[i64], fits: impl Fn(&str, i64) -> bool) -> Vec<String> {
    let both = asked.iter().zip(answers);
    both.filter(|((name, _), answer)| fits(name, **answer)).map(|((name, _), _)| name.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inquiry(role: Role) -> Inquiry {
        Inquiry::about(role, &Namespace::default())
    }

    fn answers(inquiry: &Inquiry, permitted: impl Fn(&str) -> bool) -> Vec<i64> {
        let asked = inquiry.needed.iter().chain(&inquiry.unneeded);
        asked.map(|(name, _)| permitted(name).into()).collect()
    }

    #[test]
    fn a_user_with_exactly_the_rights_of_its_role_passes() {
        for role in [Role::Validator, Role::Issuer, Role::Admin, Role::Doctor] {
            let inquiry = inquiry(role);
            let needed: Vec<&str> = inquiry.needed.iter().map(|(name, _)| name.as_str()).collect();
            let answer = answers(&inquiry, |name| needed.contains(&name));
            assert_eq!(inquiry.read(&answer), Some(Permissions::default()), "{role}");
        }
    }

    #[test]
    fn what_is_missing_and_what_is_beyond_the_role_is_named() {
        let inquiry = inquiry(Role::Validator);
        let needed: Vec<String> = inquiry.needed.iter().map(|(name, _)| name.clone()).collect();
        let answer = answers(&inquiry, |name| {
            name == "flushall" || name != "pexpireat" && needed.contains(&name.into())
        });
        let permissions = inquiry.read(&answer).unwrap();
        assert_eq!(
            (permissions.missing, permissions.beyond),
            (vec!["pexpireat".into()], vec!["flushall".into()])
        );
    }

    #[test]
    fn of_what_a_server_lacks_only_later_commands_are_not_missing() {
        let inquiry = inquiry(Role::Issuer);
        let lacking = |lacked: &str| {
            let asked = inquiry.needed.iter().chain(&inquiry.unneeded);
            let needed = inquiry.needed.len();
            let answers = asked.enumerate().map(|(n, (name, _))| {
                let lacks = n < needed && name == lacked;
                if lacks { UNKNOWN } else { i64::from(n < needed) }
            });
            inquiry.read(&answers.collect::<Vec<_>>()).unwrap().missing
        };
        assert_eq!(lacking("waitaof"), Vec::<String>::new());
        assert_eq!(lacking("wait"), ["wait"]);
    }

    #[test]
    fn an_answer_of_another_length_is_none() {
        let inquiry = inquiry(Role::Admin);
        for answer in [vec![], vec![1; 3]] {
            assert_eq!(inquiry.read(&answer), None);
        }
    }

    /// That each has as many arguments as it needs is tested on a server: `tests/tests/doctor/harmless.rs`.
    #[test]
    fn every_line_is_a_command_with_its_arguments_filled_in() {
        for role in [Role::Validator, Role::Issuer, Role::Admin, Role::Doctor] {
            let inquiry = inquiry(role);
            for (name, line) in inquiry.needed.iter().chain(&inquiry.unneeded) {
                assert!(!line.contains(['|', '\'', '"']) && !line.contains("KEY"), "{name}: {line}");
            }
        }
    }
}
