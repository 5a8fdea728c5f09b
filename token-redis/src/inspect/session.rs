//! Single commands to one server.

use std::collections::HashMap;
use std::fmt;

use redis::aio::MultiplexedConnection;
use redis::{FromRedisValue, RedisResult};
use token_core::spi::CheckValue;
use token_core::{KeyVersion, Timestamp};

use super::error::InspectError;
use crate::key_checks;
use crate::keys::Namespace;
use crate::script::{self, is_without_disk};
use crate::validate::reply::{self, ValidateReply};

/// A connection to one server.
pub struct Session {
    connection: MultiplexedConnection,
    tls: bool,
}

/// How a server answered a validation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Validated {
    /// As always.
    Fully,
    /// Without the right to write, because the server cannot write to its disk.
    WithoutWriting,
}

impl Session {
    pub(super) fn new(connection: MultiplexedConnection, tls: bool) -> Self {
        Self { connection, tls }
    }

    /// Sends a command whose reply is one text.
    ///
    /// # Errors
    /// As [`InspectErrorKind`](super::InspectErrorKind) says.
    pub async fn text(&mut self, command: &[&str]) -> Result<String, InspectError> {
        self.send(command).await
    }

    /// Sends a command whose reply is a list of numbers.
    ///
    /// # Errors
    /// As [`InspectErrorKind`](super::InspectErrorKind) says.
    pub async fn numbers(&mut self, command: &[&str]) -> Result<Vec<i64>, InspectError> {
        self.send(command).await
    }

    /// Sends a command whose reply is a map of names and values.
    ///
    /// # Errors
    /// As [`InspectErrorKind`](super::InspectErrorKind) says.
    pub async fn fields(&mut self, command: &[&str]) -> Result<HashMap<String, String>, InspectError> {
        self.send(command).await
    }

    /// Sends a command whose reply is a list of such maps.
    ///
    /// # Errors
    /// As [`InspectErrorKind`](super::InspectErrorKind) says.
    pub async fn list_of_fields(
        &mut self,
        command: &[&str],
    ) -> Result<Vec<HashMap<String, String>>, InspectError> {
        self.send(command).await
    }

    /// The time of the server's clock.
    ///
    /// # Errors
    /// As [`InspectErrorKind`](super::InspectErrorKind) says.
    pub async fn time(&mut self) -> Result<Timestamp, InspectError> {
        let (seconds, micros): (u64, u64) = self.send(&["TIME"]).await?;
        Ok(Timestamp::from_millis(seconds.saturating_mul(1000).saturating_add(micros / 1000)))
    }

    /// The check values of the store keys that are kept at this server.
    ///
    /// # Errors
    /// As [`InspectErrorKind`](super::InspectErrorKind) says.
    pub async fn key_checks(
        &mut self,
        namespace: &Namespace,
    ) -> Result<Vec<(KeyVersion, CheckValue)>, InspectError> {
        let known = key_checks::known(namespace, &mut self.connection).await;
        self.explained(known)
    }

    /// The key in which something else than a check value stands; `None` if there is none.
    ///
    /// # Errors
    /// As [`InspectErrorKind`](super::InspectErrorKind) says.
    pub async fn foreign_key_check(&mut self, namespace: &Namespace) -> Result<Option<String>, InspectError> {
        let foreign = key_checks::foreign(namespace, &mut self.connection).await;
        self.explained(foreign)
    }

    /// Validates on this key as for a peek, which renews nothing. It must be a key that no token has
    /// ([`Layout::unused_key`](super::Layout::unused_key)).
    ///
    /// # Errors
    /// As [`InspectErrorKind`](super::InspectErrorKind) says. An answer other than "no such token" counts as a refusal.
    pub async fn validate(&mut self, unused_key: String) -> Result<Validated, InspectError> {
        let probe = script::probe(unused_key);
        let (answer, validated) = match probe.send(&mut self.connection).await {
            Err(error) if is_without_disk(&error) => match probe.without_writing(None) {
                // Replicas that are missing keep it from answering, which is another matter: the disk is the cause here.
                Some(twin) => {
                    (twin.send(&mut self.connection).await.map_err(|_| error), Validated::WithoutWriting)
                }
                None => (Err(error), Validated::WithoutWriting),
            },
            answer => (answer, Validated::Fully),
        };
        match reply::read(self.explained(answer)?, 1).as_deref() {
            Some([ValidateReply::Unknown]) => Ok(validated),
            _ => Err(InspectError::refused("gave another answer than that there is no such token")),
        }
    }

    async fn send<T: FromRedisValue>(&mut self, command: &[&str]) -> Result<T, InspectError> {
        let Some((name, arguments)) = command.split_first() else {
            return Err(InspectError::refused("was sent no command"));
        };
        let reply = redis::cmd(name).arg(arguments).query_async(&mut self.connection).await;
        self.explained(reply)
    }

    fn explained<T>(&self, reply: RedisResult<T>) -> Result<T, InspectError> {
        reply.map_err(|error| InspectError::of(&error, self.tls))
    }
}

/// Without the connection, which knows a password.
impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("tls", &self.tls).finish_non_exhaustive()
    }
}
