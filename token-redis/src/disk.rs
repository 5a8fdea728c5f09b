//! Confirms that the disk of a primary has a change: WAITAOF, and whether its answer can be trusted.
//!
//! Nothing here is cached: a setting or a server may change between two changes, and only `--confirm disk` has the cost.

use std::collections::HashMap;

use redis::{ErrorKind, RedisError, RedisResult, ServerErrorKind, Value};
use token_core::{Confirmation, ConfirmationLevel, Unconfirmed};

use crate::confirm::is_refusal;
use crate::connection::DedicatedConnection;

/// Waits until the disk of the server has the writes of `own`, for at most this many milliseconds.
pub(crate) async fn confirm(own: &mut DedicatedConnection, millis: u64) -> RedisResult<Confirmation> {
    let reason = match waited(own, millis).await {
        Ok(true) if answers_in_time(own).await? => return Ok(Confirmation::DISK),
        Ok(answered) => Some(why_not(own, answered).await?),
        Err(error) if is_refusal(&error) => {
            tracing::warn!(%error, "the server cannot confirm a change by its disk");
            why_refused(&error)
        }
        Err(error) => return Err(error),
    };
    Ok(Confirmation { level: ConfirmationLevel::Disk, expected: 1, reached: 0, reason })
}

async fn waited(own: &mut DedicatedConnection, millis: u64) -> RedisResult<bool> {
    let (local, _replicas): (u32, u32) =
        redis::cmd("WAITAOF").arg(1).arg(0).arg(millis).query_async(own).await?;
    Ok(local > 0)
}

/// Whether WAITAOF answers only when the disk has the change: because of the version, or because the server syncs each change
/// before its reply.
async fn answers_in_time(own: &mut DedicatedConnection) -> RedisResult<bool> {
    if version(own).await?.is_some_and(|version| !version.answers_early()) {
        return Ok(true);
    }
    Ok(appendfsync(own).await?.as_deref() == Some("always"))
}

/// Why the change is not confirmed, although the server accepted WAITAOF; `answered` is whether it claimed a confirmation.
async fn why_not(own: &mut DedicatedConnection, answered: bool) -> RedisResult<Unconfirmed> {
    Ok(match appendfsync(own).await?.as_deref() {
        Some("no") => Unconfirmed::NeverSynced,
        _ if answered => Unconfirmed::AnswersEarly,
        _ => Unconfirmed::TooLate,
    })
}

/// Why the server refused WAITAOF, if the reason is known.
fn why_refused(error: &RedisError) -> Option<Unconfirmed> {
    let text = error.detail().unwrap_or_default().to_ascii_lowercase();
    if error.kind() == ErrorKind::Server(ServerErrorKind::NoPerm) {
        Some(Unconfirmed::NotPermitted)
    } else if text.contains("unknown command") {
        Some(Unconfirmed::NoWaitAof)
    } else if text.contains("appendonly") {
        Some(Unconfirmed::NoAppendOnlyFile)
    } else {
        None
    }
}

/// How the append-only file is synced. `None` if the user may not read the setting.
async fn appendfsync(own: &mut DedicatedConnection) -> RedisResult<Option<String>> {
    let answer: RedisResult<HashMap<String, String>> =
        redis::cmd("CONFIG").arg("GET").arg("appendfsync").query_async(own).await;
    Ok(permitted(answer)?.and_then(|mut settings| settings.remove("appendfsync")))
}

/// The version from HELLO, which every role may call. Valkey 7.2, and later versions that imitate Redis, report Redis 7.2.4
/// there: then INFO has the real version, if the user may call it.
async fn version(own: &mut DedicatedConnection) -> RedisResult<Option<Version>> {
    let answer: RedisResult<HashMap<String, Value>> = redis::cmd("HELLO").query_async(own).await;
    let Some(hello) = permitted(answer)? else { return Ok(None) };
    let text =
        |name: &str| hello.get(name).and_then(|value| redis::from_redis_value_ref::<String>(value).ok());
    let (Some(server), Some(number)) = (text("server"), text("version")) else { return Ok(None) };
    if server == "redis" && number == IMITATED {
        let info: RedisResult<String> = redis::cmd("INFO").arg("server").query_async(own).await;
        return Ok(permitted(info)?.and_then(|info| Version::by_info(&info)));
    }
    Ok(Version::read(server == "valkey", &number))
}

/// The version of Redis that Valkey reports as its own.
const IMITATED: &str = "7.2.4";

fn permitted<T>(result: RedisResult<T>) -> RedisResult<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if is_refusal(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The product and version of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Version {
    valkey: bool,
    major: u32,
    minor: u32,
}

impl Version {
    /// Parses a version like 8.0.1.
    pub(crate) fn read(valkey: bool, number: &str) -> Option<Self> {
        let mut parts = number.split('.').map(|part| part.parse().ok());
        Some(Self { valkey, major: parts.next()??, minor: parts.next()?? })
    }

    fn by_info(info: &str) -> Option<Self> {
        let lines = || info.lines().map(str::trim_end);
        Self::of(|name| lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')))
    }

    /// The version in the fields of INFO.
    pub(crate) fn of<'a>(field: impl Fn(&str) -> Option<&'a str>) -> Option<Self> {
        match field("valkey_version") {
            Some(number) => Self::read(true, number.trim()),
            None => Self::read(false, field("redis_version")?.trim()),
        }
    }

    /// Whether it answers WAITAOF before the disk has the change if `appendfsync` is `everysec` (redis/redis#13793). Redis 7.4
    /// and Valkey from 8.0 do; Redis 7.2, Redis from 8.0, and Valkey 7.2 do not.
    pub(crate) fn answers_early(self) -> bool {
        if self.valkey { self.major >= 8 } else { (self.major, self.minor) == (7, 4) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn early(valkey: bool, number: &str) -> bool {
        Version::read(valkey, number).unwrap().answers_early()
    }

    #[test]
    fn redis_7_4_and_valkey_from_8_answer_waitaof_early() {
        for number in ["7.4.0", "7.4.1", "7.4.9"] {
            assert!(early(false, number), "{number}");
        }
        for number in ["8.0.1", "8.1.1", "9.1.2", "10.0.0"] {
            assert!(early(true, number), "{number}");
        }
    }

    #[test]
    fn the_other_servers_answer_waitaof_in_time() {
        for number in ["7.2.6", "8.0.2", "8.6.3"] {
            assert!(!early(false, number), "{number}");
        }
        assert!(!early(true, "7.2.7"));
    }

    #[test]
    fn info_identifies_a_valkey_that_imitates_redis() {
        let info = "# Server\r\nredis_version:7.2.4\r\nserver_name:valkey\r\nvalkey_version:9.1.2\r\n";
        assert!(Version::by_info(info).unwrap().answers_early());
        assert!(!Version::by_info("redis_version:7.2.4\r\n").unwrap().answers_early());
        assert_eq!(Version::by_info("redis_version:unstable"), None);
    }
}
