//! The meaning of an error of Redis for callers: its kind, and what to do about it.

mod replies;

use std::io;

use redis::{ErrorKind, RedisError, ServerErrorKind};
use token_core::StoreErrorKind;

pub(crate) use self::replies::is_temporary;
use crate::tls;

/// The phase of a connection, and the kind of the store.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum ConnectPhase {
    /// The server has not answered yet: it may not be what the URL says.
    Connecting {
        /// The URL requires TLS.
        tls: bool,
    },
    /// The server has answered before.
    Connected {
        /// The store is a Redis Cluster.
        cluster: bool,
    },
}

impl ConnectPhase {
    /// What to check if there is no reply.
    pub(crate) fn question(self) -> &'static str {
        match self {
            Self::Connecting { tls: true } => {
                "is it running and reachable, and does it speak TLS at this port?"
            }
            Self::Connecting { tls: false } | Self::Connected { .. } => "is it running and reachable?",
        }
    }
}

/// The kind of an error, and text that follows the store's name: what is wrong, and what to do.
pub(crate) fn of(error: &RedisError, stage: ConnectPhase) -> (StoreErrorKind, String) {
    if let Some((kind, advice)) = tls::trouble(error) {
        return (kind, advice.to_owned());
    }
    if error.is_timeout() {
        let silence = format!("did not answer in time; {}", stage.question());
        return (StoreErrorKind::TimedOut, silence);
    }
    if let Some((kind, advice)) = replies::meaning(error, stage) {
        return (kind, advice.to_owned());
    }
    let (kind, advice) = of_the_way(error, stage);
    (kind, advice.to_owned())
}

/// Errors that prevent a reply.
fn of_the_way(error: &RedisError, stage: ConnectPhase) -> (StoreErrorKind, &'static str) {
    use StoreErrorKind::{Denied, Misconfigured, Unavailable};
    match error.kind() {
        ErrorKind::MasterNameNotFoundBySentinel => (
            Misconfigured,
            "does not know the service of that name; write the one that the Sentinels watch into \
             sentinelServiceName (redis-cli -p 26379 SENTINEL MASTERS lists them)",
        ),
        ErrorKind::ClusterConnectionNotFound => (
            Unavailable,
            "has no primary for some of its slots; start its missing nodes, or see redis-cli --cluster check",
        ),
        ErrorKind::Parse => (
            Misconfigured,
            "does not speak the protocol of Redis at this port; check host and port of the store URL",
        ),
        ErrorKind::RESP3NotSupported => (Misconfigured, replies::TOO_OLD),
        ErrorKind::InvalidClientConfig
        | ErrorKind::Client
        | ErrorKind::UnexpectedReturnType
        | ErrorKind::Extension
        | ErrorKind::Server(
            ServerErrorKind::ResponseError | ServerErrorKind::CrossSlot | ServerErrorKind::ExecAbort,
        ) => (Misconfigured, "refused; is it a Redis >= 7.0 or Valkey, of the kind that the URL says?"),
        _ if hung_up(error) => (Unavailable, hang_up(stage)),
        _ => match tls::io_error(error).map(io::Error::kind) {
            Some(io::ErrorKind::PermissionDenied) => {
                (Denied, "cannot be opened: this process may not use that socket")
            }
            Some(io::ErrorKind::NotFound) => (
                Unavailable,
                "cannot be reached: there is no such socket; is it running, and is the path right?",
            ),
            Some(io::ErrorKind::ConnectionRefused) => (Unavailable, "cannot be reached; is it running?"),
            Some(_) => (Unavailable, "cannot be reached; is it running, and are host and port right?"),
            None => (Unavailable, "is not ready (failing over, or losing connections); try again"),
        },
    }
}

fn hang_up(stage: ConnectPhase) -> &'static str {
    match stage {
        ConnectPhase::Connecting { tls: true } => {
            "hung up without an answer; does it speak TLS at this port, and does it demand a certificate of its \
             clients (--tls-cert and --tls-key)?"
        }
        ConnectPhase::Connecting { tls: false } => {
            "hung up without an answer; if it takes nothing but TLS, write rediss in the URL instead of redis"
        }
        ConnectPhase::Connected { .. } => "hung up; is it running? try again",
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
