//! What a server can report about its disk.

use super::info::field;
use super::server::Server;

/// What the server can report about its disk, by its version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disk {
    /// No WAITAOF.
    Silent,
    /// WAITAOF answers before the disk has the change (redis/redis#13793).
    Early,
    /// WAITAOF answers when the disk has the change.
    Honest,
}

impl Disk {
    /// The kind of the server under test.
    ///
    /// # Panics
    /// The server does not print its version.
    pub async fn of(server: &Server) -> Self {
        let info: String = server.command(&["INFO", "server"]).await;
        let version = |name: &str| -> Option<(u32, u32)> {
            let mut parts = field(&info, name)?.trim().split('.').map(|part| part.parse().expect("a number"));
            Some((parts.next()?, parts.next()?))
        };
        match (version("valkey_version"), version("redis_version")) {
            (Some(valkey), _) if valkey >= (8, 0) => Self::Early,
            (None, Some((7, 4))) => Self::Early,
            (None, Some(redis)) if redis < (7, 2) => Self::Silent,
            _ => Self::Honest,
        }
    }
}
