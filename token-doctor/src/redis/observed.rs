//! What a server reported, or why it did not.

use token_redis::inspect::{InspectError, InspectErrorKind};

/// What a server answered, or why it did not.
pub(super) type Observed<T> = Result<T, Unobserved>;

/// Why something is not known although the server answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Unobserved {
    /// It was not asked.
    NotAsked,
    /// The user may not run this command.
    NotPermitted(&'static str),
    /// The server refused for another reason.
    Refused(String),
}

impl Unobserved {
    /// The reason, as it follows the name of the server.
    pub(super) fn after_server_name(self) -> String {
        match self {
            Self::NotAsked => "was not asked".into(),
            Self::NotPermitted(command) => format!("does not permit this user to run {command}"),
            Self::Refused(why) => why,
        }
    }
}

impl std::fmt::Display for Unobserved {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotAsked => f.write_str("not seen: not asked"),
            Self::NotPermitted(command) => write!(f, "not seen: this user may not {command}"),
            Self::Refused(why) => write!(f, "not seen: the server {why}"),
        }
    }
}

/// Separates what a server does not report from a server that is lost. The latter is an error.
pub(super) fn observed<T>(
    answer: Result<T, InspectError>,
    command: &'static str,
) -> Result<Observed<T>, InspectError> {
    match answer {
        Ok(value) => Ok(Ok(value)),
        Err(error) => match error.kind() {
            InspectErrorKind::NotPermitted => Ok(Err(Unobserved::NotPermitted(command))),
            InspectErrorKind::Refused => Ok(Err(Unobserved::Refused(error.to_string()))),
            _ => Err(error),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_right_is_said_of_the_server() {
        assert_eq!(
            Unobserved::NotPermitted("evalsha").after_server_name(),
            "does not permit this user to run evalsha"
        );
        assert_eq!(Unobserved::Refused("is busy".into()).after_server_name(), "is busy");
    }
}
