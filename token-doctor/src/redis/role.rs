//! The roles that a user of the store can have: what each needs. The files in `deploy/acl` say the same.

use std::fmt;
use std::str::FromStr;

/// What a user is there for. Which commands each role has, and why, is written down in `docs/redis/acl.md`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Services that check tokens.
    Validator,
    /// Services that hand out tokens.
    Issuer,
    /// Operators.
    Admin,
    /// Examines the store.
    Doctor,
}

/// A text that names no role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("write validator, issuer, admin or doctor")]
pub struct RoleError;

impl FromStr for Role {
    type Err = RoleError;

    fn from_str(text: &str) -> Result<Self, RoleError> {
        match text {
            "validator" => Ok(Self::Validator),
            "issuer" => Ok(Self::Issuer),
            "admin" => Ok(Self::Admin),
            "doctor" => Ok(Self::Doctor),
            _ => Err(RoleError),
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Validator => "validator",
            Self::Issuer => "issuer",
            Self::Admin => "admin",
            Self::Doctor => "doctor",
        })
    }
}

/// Commands that a role needs on servers that have them, and that the oldest server we support lacks: WAITAOF came with
/// Redis 7.2.
pub(super) const LATER: &[&str] = &["waitaof"];

impl Role {
    /// The commands that the role needs, as ACL files write them.
    pub(super) fn commands(self) -> &'static [&'static str] {
        match self {
            Self::Validator => VALIDATOR,
            Self::Issuer => ISSUER,
            Self::Admin => ADMIN,
            Self::Doctor => DOCTOR,
        }
    }
}

const VALIDATOR: &[&str] = &[
    "evalsha",
    "eval",
    "get",
    "pexpireat",
    "pexpiretime",
    "time",
    "hello",
    "auth",
    "ping",
    "cluster|slots",
    "cluster|nodes",
    "asking",
    "subscribe",
    "info|replication",
];

const ISSUER: &[&str] = &[
    "evalsha",
    "eval",
    "get",
    "exists",
    "set",
    "persist",
    "pexpireat",
    "pexpiretime",
    "time",
    "zadd",
    "zrandmember",
    "zrange",
    "zrem",
    "zremrangebyscore",
    "wait",
    "waitaof",
    "unwatch",
    "hello",
    "auth",
    "ping",
    "cluster|slots",
    "cluster|nodes",
    "asking",
    "role",
    "info|replication",
];

const ADMIN: &[&str] = &[
    "evalsha",
    "eval",
    "get",
    "exists",
    "set",
    "del",
    "persist",
    "pexpireat",
    "pexpiretime",
    "time",
    "zadd",
    "zrandmember",
    "zrange",
    "zrem",
    "zremrangebyscore",
    "scan",
    "wait",
    "waitaof",
    "unwatch",
    "hello",
    "auth",
    "ping",
    "cluster|slots",
    "cluster|nodes",
    "asking",
    "subscribe",
    "publish",
    "role",
    "info",
    "cluster|info",
];

const DOCTOR: &[&str] = &[
    "evalsha",
    "eval",
    "get",
    "time",
    "hello",
    "auth",
    "ping",
    "cluster|nodes",
    "cluster|info",
    "info",
    "config|get",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_role_has_the_very_commands_of_its_file() {
        let files = [
            (Role::Validator, include_str!("../../../deploy/acl/validator.acl")),
            (Role::Issuer, include_str!("../../../deploy/acl/issuer.acl")),
            (Role::Admin, include_str!("../../../deploy/acl/admin.acl")),
            (Role::Doctor, include_str!("../../../deploy/acl/doctor.acl")),
        ];
        for (role, file) in files {
            let words: Vec<&str> = file.split_whitespace().collect();
            assert_eq!(words[..2], ["user", &role.to_string()]);
            let commands: Vec<&str> = words.iter().filter_map(|word| word.strip_prefix('+')).collect();
            assert_eq!(commands, role.commands(), "{role}");
        }
    }

    #[test]
    fn a_role_is_read_as_it_is_written() {
        for role in [Role::Validator, Role::Issuer, Role::Admin, Role::Doctor] {
            assert_eq!(role.to_string().parse(), Ok(role));
        }
        assert_eq!("default".parse::<Role>(), Err(RoleError));
    }
}
