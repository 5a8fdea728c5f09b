//! Why a server did not answer what it was asked.

use std::fmt;

use redis::{ErrorKind, RedisError, ServerErrorKind};

use crate::trouble::{self, ConnectPhase};

/// What kind of failure an [`InspectError`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum InspectErrorKind {
    /// The user of the URL may not run the command. The connection stays usable.
    NotPermitted,
    /// The server refused for another reason, or its answer is not understood. The connection stays usable.
    Refused,
    /// The server cannot be reached, or stopped answering.
    Lost,
}

/// Why a server did not answer what it was asked. The text follows the name of the server. Of what the server said, it
/// repeats the error code at most.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InspectError {
    kind: InspectErrorKind,
    text: String,
}

impl InspectError {
    /// What kind of failure it is.
    #[must_use]
    pub fn kind(&self) -> InspectErrorKind {
        self.kind
    }

    /// Of a command on an open connection.
    pub(super) fn of(error: &RedisError, tls: bool) -> Self {
        match error.kind() {
            ErrorKind::Server(ServerErrorKind::NoPerm) => {
                Self { kind: InspectErrorKind::NotPermitted, text: explained(error, CONNECTED) }
            }
            ErrorKind::UnexpectedReturnType => {
                Self::refused("gave an answer that this version does not understand")
            }
            _ if error.code().is_some() && !error.is_unrecoverable_error() => {
                Self::refused(explained(error, CONNECTED))
            }
            _ => Self::lost(error, tls),
        }
    }

    /// Of a server that cannot be reached, or stopped answering; `tls` says whether the URL asks for TLS.
    pub(super) fn lost(error: &RedisError, tls: bool) -> Self {
        Self { kind: InspectErrorKind::Lost, text: explained(error, ConnectPhase::Connecting { tls }) }
    }

    pub(super) fn refused(text: impl Into<String>) -> Self {
        Self { kind: InspectErrorKind::Refused, text: text.into() }
    }
}

const CONNECTED: ConnectPhase = ConnectPhase::Connected { cluster: false };

/// What is wrong and what to do, with the error code of the server.
fn explained(error: &RedisError, phase: ConnectPhase) -> String {
    let (_, advice) = trouble::of(error, phase);
    match error.code() {
        Some(code) => format!("{advice} ({code})"),
        None => advice,
    }
}

impl fmt::Display for InspectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for InspectError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(reply: &[u8]) -> InspectError {
        let error = redis::parse_redis_value(reply).unwrap().extract_error().unwrap_err();
        InspectError::of(&error, false)
    }

    #[test]
    fn a_refusal_keeps_the_code_and_not_the_text_of_the_server() {
        let error = of(b"-NOPERM User x has no permissions to run 'info'\r\n");
        assert_eq!(error.kind(), InspectErrorKind::NotPermitted);
        assert!(error.to_string().ends_with("(NOPERM)"), "{error}");
        let error = of(b"-BUSY a secret of the server\r\n");
        assert_eq!(error.kind(), InspectErrorKind::Refused);
        assert!(!error.to_string().contains("secret"), "{error}");
    }
}
