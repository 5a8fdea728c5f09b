//! What a server told, or why it did not.

use redis::{ErrorKind, RedisError, ServerErrorKind};

use crate::trouble::{self, ConnectPhase};

/// What a server answered, or why it did not.
pub(super) type Seen<T> = Result<T, Unseen>;

/// Why something was not seen although the server answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Unseen {
    /// It was not asked.
    NotAsked,
    /// The user may not run this command.
    NotPermitted(&'static str),
    /// The server refused for another reason.
    Refused(String),
}

impl Unseen {
    /// The same as it follows the name of the server.
    pub(super) fn behind_the_server(self) -> String {
        match self {
            Self::NotAsked => "was not asked".into(),
            Self::NotPermitted(command) => format!("does not permit this user to run {command}"),
            Self::Refused(why) => why,
        }
    }
}

impl std::fmt::Display for Unseen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotAsked => f.write_str("not seen: not asked"),
            Self::NotPermitted(command) => write!(f, "not seen: this user may not {command}"),
            Self::Refused(why) => write!(f, "not seen: the server {why}"),
        }
    }
}

/// Tells what a server does not tell from a server that is lost. The latter is an error.
pub(super) fn seen<T>(answer: Result<T, RedisError>, command: &'static str) -> Result<Seen<T>, RedisError> {
    match answer {
        Ok(value) => Ok(Ok(value)),
        Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::NoPerm) => {
            Ok(Err(Unseen::NotPermitted(command)))
        }
        Err(error) if error.code().is_some() && !error.is_unrecoverable_error() => {
            Ok(Err(Unseen::Refused(trouble(&error, ConnectPhase::Connected { cluster: false }))))
        }
        Err(error) if error.kind() == ErrorKind::UnexpectedReturnType => {
            Ok(Err(Unseen::Refused("gave an answer that this version does not understand".into())))
        }
        Err(error) => Err(error),
    }
}

/// What is wrong and what to do, and the word that the server used. Never more of what it said.
pub(super) fn trouble(error: &RedisError, stage: ConnectPhase) -> String {
    let (_, advice) = trouble::of(error, stage);
    match error.code() {
        Some(code) => format!("{advice} ({code})"),
        None => advice,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_user_may_not_do_is_said_of_the_server() {
        assert_eq!(
            Unseen::NotPermitted("evalsha").behind_the_server(),
            "does not permit this user to run evalsha"
        );
        assert_eq!(Unseen::Refused("is busy".into()).behind_the_server(), "is busy");
    }
}
