//! Every SQL statement on the rows, as a typed function.
//!
//! An expired row is invisible, even while it still exists.

use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
use rusqlite::{Connection, Error, OptionalExtension, Result, Row};
use token_core::spi::{HOUSEKEEPING_LAG, Partition};
use token_core::{Deadlines, Timestamp, TokenId};

/// The record of a live token, and when the token expires.
#[derive(Debug)]
pub(crate) struct Live {
    pub(crate) record: Vec<u8>,
    pub(crate) expires_at: Timestamp,
}

/// Adds a token; `false` if a live token has the id.
pub(crate) fn insert(
    db: &Connection,
    id: TokenId,
    subject: u128,
    live: &Live,
    now: Timestamp,
) -> Result<bool> {
    let mut statement = db.prepare_cached(
        "INSERT INTO tokens (id, subject, record, expires_at) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (id) DO UPDATE
         SET subject = excluded.subject, record = excluded.record, expires_at = excluded.expires_at
         WHERE tokens.expires_at <= ?5",
    )?;
    let inserted = statement.execute((
        Key(id),
        subject.to_be_bytes(),
        &live.record,
        Millis(live.expires_at),
        Millis(now),
    ))?;
    Ok(inserted > 0)
}

/// The live token with this id.
pub(crate) fn find(db: &Connection, id: TokenId, now: Timestamp) -> Result<Option<Live>> {
    db.prepare_cached("SELECT record, expires_at FROM tokens WHERE id = ?1 AND expires_at > ?2")?
        .query_row((Key(id), Millis(now)), |row| live(row, 0))
        .optional()
}

/// Whether there is a live token with this id, even if its record does not decode.
pub(crate) fn is_live(db: &Connection, id: TokenId, now: Timestamp) -> Result<bool> {
    db.prepare_cached("SELECT 1 FROM tokens WHERE id = ?1 AND expires_at > ?2")?
        .exists((Key(id), Millis(now)))
}

/// The live tokens of a subject.
pub(crate) fn find_all(db: &Connection, subject: u128, now: Timestamp) -> Result<Vec<(TokenId, Live)>> {
    let mut statement = db
        .prepare_cached("SELECT id, record, expires_at FROM tokens WHERE subject = ?1 AND expires_at > ?2")?;
    let rows = statement.query_map((subject.to_be_bytes(), Millis(now)), |row| {
        let Some(id) = key_or_none(row, 0)? else { return Ok(None) };
        Ok(Some((id, live(row, 1)?)))
    })?;
    rows.filter_map(Result::transpose).collect()
}

/// Passes every live token to `see`. A row whose key is not the id of a token is skipped.
pub(crate) fn each(db: &Connection, now: Timestamp, mut see: impl FnMut(TokenId, Live)) -> Result<()> {
    let mut statement =
        db.prepare_cached("SELECT id, record, expires_at FROM tokens WHERE expires_at > ?1")?;
    let mut rows = statement.query([Millis(now)])?;
    while let Some(row) = rows.next()? {
        if let Some(id) = key_or_none(row, 0)? {
            see(id, live(row, 1)?);
        }
    }
    Ok(())
}

/// Restarts the window of a live token with this record, and returns its new expiry: never earlier than before, even if the
/// clock was set back, and never after its hard expiry. `None` if there is no such token.
pub(crate) fn renew(
    db: &Connection,
    id: TokenId,
    record: &[u8],
    deadlines: Deadlines,
    now: Timestamp,
) -> Result<Option<Timestamp>> {
    let cap = deadlines.cap().unwrap_or(Timestamp::from_millis(u64::MAX));
    db.prepare_cached(
        "UPDATE tokens SET expires_at = min(max(expires_at, ?3), ?4)
         WHERE id = ?1 AND record = ?2 AND expires_at > ?5 RETURNING expires_at",
    )?
    .query_row((Key(id), record, Millis(now.after(deadlines.ttl(now))), Millis(cap), Millis(now)), |row| {
        row.get(0).map(|Millis(expires_at)| expires_at)
    })
    .optional()
}

/// Deletes the token with this id, and returns its record if it was live. An expired token is deleted, too: it must not become
/// live again if the clock was ahead and is corrected.
pub(crate) fn take(db: &Connection, id: TokenId, now: Timestamp) -> Result<Option<Vec<u8>>> {
    let taken = db
        .prepare_cached("DELETE FROM tokens WHERE id = ?1 RETURNING record, expires_at")?
        .query_row([Key(id)], |row| live(row, 0))
        .optional()?;
    Ok(taken.filter(|taken| now < taken.expires_at).map(|taken| taken.record))
}

/// Deletes the tokens of a subject as [`take`] does, and returns the records of the live ones.
pub(crate) fn take_all(db: &Connection, subject: u128, now: Timestamp) -> Result<Vec<(TokenId, Vec<u8>)>> {
    let mut statement =
        db.prepare_cached("DELETE FROM tokens WHERE subject = ?1 RETURNING id, record, expires_at")?;
    let rows = statement.query_map([subject.to_be_bytes()], |row| {
        let Some(id) = key_or_none(row, 0)? else { return Ok(None) };
        let taken = live(row, 1)?;
        Ok((now < taken.expires_at).then_some((id, taken.record)))
    })?;
    rows.filter_map(Result::transpose).collect()
}

/// Adds the tombstone of a token.
pub(crate) fn bury(db: &Connection, id: TokenId, bytes: &[u8], keep_until: Timestamp) -> Result<()> {
    db.prepare_cached(
        "INSERT INTO tombstones (id, bytes, keep_until) VALUES (?1, ?2, ?3)
         ON CONFLICT (id) DO UPDATE SET bytes = excluded.bytes, keep_until = excluded.keep_until",
    )?
    .execute((Key(id), bytes, Millis(keep_until)))
    .map(drop)
}

/// The tombstone of this id.
pub(crate) fn find_tombstone(db: &Connection, id: TokenId, now: Timestamp) -> Result<Option<Vec<u8>>> {
    db.prepare_cached("SELECT bytes FROM tombstones WHERE id = ?1 AND keep_until > ?2")?
        .query_row((Key(id), Millis(now)), |row| row.get(0))
        .optional()
}

/// Changes until when the tombstone of this id is kept; `false` if there is none.
pub(crate) fn keep_tombstone(
    db: &Connection,
    id: TokenId,
    keep_until: Timestamp,
    now: Timestamp,
) -> Result<bool> {
    let kept = db
        .prepare_cached("UPDATE tombstones SET keep_until = ?2 WHERE id = ?1 AND keep_until > ?3")?
        .execute((Key(id), Millis(keep_until), Millis(now)))?;
    Ok(kept > 0)
}

/// The fingerprint and the token id of an idempotency key.
pub(crate) fn find_issued_before(
    db: &Connection,
    name: u128,
    now: Timestamp,
) -> Result<Option<(u128, TokenId)>> {
    db.prepare_cached("SELECT fingerprint, id FROM issued_once WHERE name = ?1 AND keep_until > ?2")?
        .query_row((name.to_be_bytes(), Millis(now)), |row| {
            let Key(id) = row.get(1)?;
            Ok((u128::from_be_bytes(row.get(0)?), id))
        })
        .optional()
}

/// Adds the entry of an idempotency key. An older entry must have expired.
pub(crate) fn note_issued(
    db: &Connection,
    name: u128,
    fingerprint: u128,
    id: TokenId,
    keep_until: Timestamp,
) -> Result<()> {
    db.prepare_cached(
        "INSERT OR REPLACE INTO issued_once (name, fingerprint, id, keep_until) VALUES (?1, ?2, ?3, ?4)",
    )?
    .execute((name.to_be_bytes(), fingerprint.to_be_bytes(), Key(id), Millis(keep_until)))
    .map(drop)
}

/// Deletes at most `limit` rows of each table that expired [`HOUSEKEEPING_LAG`] ago, and returns how many.
pub(crate) fn clear_expired(db: &Connection, limit: u32, now: Timestamp) -> Result<u64> {
    let now = now.before(HOUSEKEEPING_LAG);
    let tokens = db
        .prepare_cached(
            "DELETE FROM tokens WHERE id IN (SELECT id FROM tokens WHERE expires_at <= ?1 LIMIT ?2)",
        )?
        .execute((Millis(now), limit))?;
    let tombstones = db
        .prepare_cached(
            "DELETE FROM tombstones WHERE id IN (SELECT id FROM tombstones WHERE keep_until <= ?1 LIMIT ?2)",
        )?
        .execute((Millis(now), limit))?;
    let issued = db
        .prepare_cached(
            "DELETE FROM issued_once WHERE name IN (SELECT name FROM issued_once WHERE keep_until <= ?1 LIMIT ?2)",
        )?
        .execute((Millis(now), limit))?;
    Ok((tokens + tombstones + issued) as u64)
}

fn live(row: &Row<'_>, at: usize) -> Result<Live> {
    let Millis(expires_at) = row.get(at + 1)?;
    Ok(Live { record: row.get(at)?, expires_at })
}

/// The token id in a column; `None` if the value is none. No token has such a row, so it must not hide the rows of tokens.
fn key_or_none(row: &Row<'_>, at: usize) -> Result<Option<TokenId>> {
    match row.get(at) {
        Ok(Key(id)) => Ok(Some(id)),
        Err(Error::FromSqlConversionFailure(..)) => {
            tracing::warn!("left out a row whose key is not the id of a token");
            Ok(None)
        }
        Err(other) => Err(other),
    }
}

/// A time in a column. The latest time that a column can hold is 292 million years away; later times are clamped to it.
struct Millis(Timestamp);

impl ToSql for Millis {
    fn to_sql(&self) -> Result<ToSqlOutput<'_>> {
        Ok(i64::try_from(self.0.as_millis()).unwrap_or(i64::MAX).into())
    }
}

impl FromSql for Millis {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let millis = value.as_i64()?;
        let millis = u64::try_from(millis).map_err(|_| FromSqlError::OutOfRange(millis))?;
        Ok(Self(Timestamp::from_millis(millis)))
    }
}

/// A token id in a column: the partition's number in two bytes, then the 128 bits, big-endian.
struct Key(TokenId);

/// The column does not hold the id of a token.
#[derive(Debug, thiserror::Error)]
#[error("the row's key is not the id of a token")]
struct NotAnId;

impl ToSql for Key {
    fn to_sql(&self) -> Result<ToSqlOutput<'_>> {
        let (partition, bits) = (self.0.partition().number(), self.0.bits());
        Ok([&partition.to_be_bytes()[..], &bits.to_be_bytes()[..]].concat().into())
    }
}

impl FromSql for Key {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let id = value.as_blob()?.split_first_chunk().and_then(|(partition, bits)| {
            let partition = Partition::new(u16::from_be_bytes(*partition))?;
            Some(TokenId::new(partition, u128::from_be_bytes(bits.try_into().ok()?)))
        });
        id.map(Self).ok_or_else(|| FromSqlError::Other(Box::new(NotAnId)))
    }
}
