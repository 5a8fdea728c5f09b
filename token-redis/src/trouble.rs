//! What an error of Redis means to callers: its kind, and what to do about it.

use std::io;

use redis::{ErrorKind, RedisError, ServerErrorKind};
use token_core::StoreErrorKind;

use crate::tls;

/// How far things had come.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Nobody has answered yet: it may not be what the URL says.
    Connecting {
        /// The URL asks for TLS.
        tls: bool,
    },
    /// It has answered before.
    Connected,
}

impl Stage {
    /// What to do about a silence.
    pub(crate) fn question(self) -> &'static str {
        match self {
            Self::Connecting { tls: true } => {
                "is it running and reachable, and does it speak TLS at this port?"
            }
            Self::Connecting { tls: false } | Self::Connected => "is it running and reachable?",
        }
    }
}

/// The kind of an error, and what is wrong with the store and what to do, as it follows the store's name.
pub(crate) fn of(error: &RedisError, stage: Stage) -> (StoreErrorKind, String) {
    if let Some((kind, advice)) = tls::trouble(error) {
        return (kind, advice.to_owned());
    }
    match kind_of(error) {
        StoreErrorKind::TimedOut => {
            (StoreErrorKind::TimedOut, format!("did not answer in time; {}", stage.question()))
        }
        kind => (kind, advice(kind, error, stage).to_owned()),
    }
}

fn kind_of(error: &RedisError) -> StoreErrorKind {
    if error.is_timeout() {
        return StoreErrorKind::TimedOut;
    }
    match (error.kind(), error.code()) {
        (ErrorKind::AuthenticationFailed, _)
        | (ErrorKind::Server(ServerErrorKind::NoPerm), _)
        | (_, Some("WRONGPASS" | "NOAUTH" | "NOPERM")) => StoreErrorKind::Denied,
        _ if is_refused_script(error) => StoreErrorKind::Denied,
        (_, Some("OOM")) => StoreErrorKind::Full,
        (_, Some("NOREPLICAS" | "MISCONF")) => StoreErrorKind::Unavailable,
        // The cluster client follows these by itself: whoever sees them asked a node of a cluster as if it stood alone.
        (ErrorKind::Server(ServerErrorKind::Moved | ServerErrorKind::Ask), _) => {
            StoreErrorKind::Misconfigured
        }
        (
            ErrorKind::InvalidClientConfig
            | ErrorKind::Client
            | ErrorKind::Parse
            | ErrorKind::UnexpectedReturnType
            | ErrorKind::RESP3NotSupported
            | ErrorKind::Server(
                ServerErrorKind::ResponseError | ServerErrorKind::CrossSlot | ServerErrorKind::ExecAbort,
            )
            | ErrorKind::Extension,
            _,
        ) => StoreErrorKind::Misconfigured,
        // Connections lost or refused, a node that loads, moves, waits for its primary, or was demoted.
        _ => StoreErrorKind::Unavailable,
    }
}

/// Before 7.2, Redis has no code of its own for what a script may not do because the user may not.
fn is_refused_script(error: &RedisError) -> bool {
    error.detail().is_some_and(|detail| detail.starts_with("The user executing the script "))
}

fn advice(kind: StoreErrorKind, error: &RedisError, stage: Stage) -> &'static str {
    match (kind, error.code()) {
        (StoreErrorKind::Denied, _) => "refused; check user name, password and the ACL of that user",
        (StoreErrorKind::Full, _) => "is out of memory; raise maxmemory or let tokens expire",
        (_, Some("NOREPLICAS")) => "has too few replicas to accept writes; check its replication",
        (_, Some("MISCONF")) => "cannot save to its disk and takes no writes; look at its log and its disk",
        (_, Some("MOVED" | "ASK")) => "is a node of a cluster; write redis-cluster:// instead of redis://",
        (_, Some("READONLY")) => "is a replica, which takes no writes; name its primary",
        (StoreErrorKind::Misconfigured, _) => {
            "refused; is it a Redis >= 7.0 or Valkey, of the kind that the URL says?"
        }
        (_, _) if hung_up(error) => match stage {
            Stage::Connecting { tls: true } => {
                "hung up without an answer; does it speak TLS at this port, and does it demand a certificate of its \
                 clients (Tls::client, --tls-cert and --tls-key)?"
            }
            Stage::Connecting { tls: false } => {
                "hung up without an answer; if it takes nothing but TLS, write rediss in the URL instead of redis"
            }
            Stage::Connected => "hung up; is it running? try again",
        },
        (_, _) if error.is_io_error() => "cannot be reached; is it running?",
        _ => "is not ready (loading, failing over, or losing connections); try again",
    }
}

fn hung_up(error: &RedisError) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    match tls::io_error(error) {
        Some(error) => {
            matches!(error.kind(), BrokenPipe | ConnectionReset | ConnectionAborted | UnexpectedEof)
        }
        None => error.is_connection_dropped(),
    }
}
