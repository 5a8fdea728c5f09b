//! The check values of the store keys: a node uses them to detect a key file of another deployment.
//!
//! A process writes one before it issues its first token, and never overwrites another. Reading and writing is best effort:
//! if a server refuses or does not answer, the keys are treated as unknown.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use redis::aio::ConnectionLike;
use redis::{FromRedisValue, RedisResult, Value};
use token_core::spi::CheckValue;
use token_core::{KeyFit, KeyRing, KeyVersion};
use tokio::time::Instant;

use crate::connection::{DedicatedConnection, Operation, Pools, Primary};
use crate::keys::Namespace;
use crate::script::is_of_another_type;

/// If a server could not answer, issues continue without a comparison for this time.
const PAUSE: Duration = Duration::from_secs(10);

/// Whether an issue has to compare its key with the check values in the store.
#[derive(Default)]
pub(crate) struct Noted(Mutex<Next>);

#[derive(Default, Clone, Copy)]
enum Next {
    #[default]
    Now,
    From(Instant),
    Never,
}

impl Noted {
    /// Writes the check value of the issuing key, or compares the key with the check value in the store, until this has succeeded
    /// once.
    pub(crate) async fn before_issue(
        &self,
        keys: &KeyRing,
        namespace: &Namespace,
        pools: &Pools,
        until: Instant,
    ) -> KeyFit {
        if !self.is_due() {
            return KeyFit::Unknown;
        }
        let slot = Namespace::slot_of_key_checks();
        let (fit, next) = match pools.on_primary(slot, &Note { keys, namespace }, until).await {
            // After a difference, the next issue compares again.
            Ok(Ok(fit)) if fit.is_of_another() => (fit, Next::Now),
            Ok(Ok(fit)) => (fit, Next::Never),
            _ => (KeyFit::Unknown, Next::From(Instant::now() + PAUSE)),
        };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = next;
        fit
    }

    fn is_due(&self) -> bool {
        match *self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            Next::Now => true,
            Next::From(time) => Instant::now() >= time,
            Next::Never => false,
        }
    }
}

/// Writes the check value of the issuing key unless there is one, and compares the keys with the previous value. The public
/// key is compared with all versions, and written only if no key file has issued: this costs one more round trip, once in
/// the life of a store.
struct Note<'a> {
    keys: &'a KeyRing,
    namespace: &'a Namespace,
}

impl Operation<DedicatedConnection> for Note<'_> {
    type Output = KeyFit;

    async fn perform(&self, own: &mut DedicatedConnection, _: &Primary) -> RedisResult<KeyFit> {
        if self.keys.is_public() {
            let fit = self.keys.fit(&all(self.namespace, own).await?);
            if fit != KeyFit::Unknown {
                return Ok(fit);
            }
        }
        let version = self.keys.issuing_version();
        let Some(value) = self.keys.check_value(version) else { return Ok(KeyFit::Unknown) };
        let mut set = redis::cmd("SET");
        set.arg(self.namespace.key_check(version)).arg(&value).arg("NX").arg("GET");
        let noted = check_value(&set.query_async(own).await?);
        Ok(noted.map_or(KeyFit::Unknown, |noted| self.keys.fit(&[(version, noted)])))
    }
}

/// Reads all check values.
pub(crate) struct Look<'a>(pub(crate) &'a Namespace);

impl Operation<DedicatedConnection> for Look<'_> {
    type Output = Vec<(KeyVersion, CheckValue)>;

    async fn perform(&self, own: &mut DedicatedConnection, _: &Primary) -> RedisResult<Self::Output> {
        known(self.0, own).await
    }
}

/// Reads all check values from the server that keeps them.
pub(crate) async fn known(
    namespace: &Namespace,
    link: &mut (impl ConnectionLike + Send),
) -> RedisResult<Vec<(KeyVersion, CheckValue)>> {
    // One command first: the error of a refused pipeline has no kind.
    let alone =
        redis::cmd("GET").arg(namespace.key_check(KeyVersion::PUBLIC)).query_async::<Value>(link).await;
    match alone {
        Err(error) if !is_of_another_type(&error) => Err(error),
        _ => all(namespace, link).await,
    }
}

/// The key in which something else than a check value stands; `None` if there is none.
pub(crate) async fn foreign(
    namespace: &Namespace,
    link: &mut (impl ConnectionLike + Send),
) -> RedisResult<Option<String>> {
    let values = look(namespace, link).await?;
    let mut both = KeyVersion::all().zip(&values);
    let foreign = both.find(|(_, value)| **value != Value::Nil && check_value(value).is_none());
    Ok(foreign.map(|(version, _)| namespace.key_check(version)))
}

/// All check values, in one round trip. What cannot be read hides no other.
async fn all(
    namespace: &Namespace,
    link: &mut (impl ConnectionLike + Send),
) -> RedisResult<Vec<(KeyVersion, CheckValue)>> {
    let values = look(namespace, link).await?;
    let both = KeyVersion::all().zip(&values);
    Ok(both.filter_map(|(version, value)| Some((version, check_value(value)?))).collect())
}

/// What stands in the places of all check values: an error for what is no string.
async fn look(namespace: &Namespace, link: &mut (impl ConnectionLike + Send)) -> RedisResult<Vec<Value>> {
    let mut gets = redis::pipe();
    for version in KeyVersion::all() {
        gets.cmd("GET").arg(namespace.key_check(version));
    }
    let values: Vec<Value> = gets.ignore_errors().query_async(link).await?;
    for value in &values {
        match value.clone().extract_error() {
            Err(error) if !is_of_another_type(&error) => return Err(error),
            _ => {}
        }
    }
    Ok(values)
}

/// Ignores values of another length, which another program wrote.
fn check_value(value: &Value) -> Option<CheckValue> {
    Vec::<u8>::from_redis_value_ref(value).ok()?.try_into().ok()
}
