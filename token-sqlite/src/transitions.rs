//! What each method of the store does to the database: one statement that looks, or one transaction that writes, or the
//! first and then the second.
//!
//! The clock is read behind all waiting: inside the transaction.

use std::sync::Arc;

use rusqlite::Connection;
use token_core::{
    Change, Clock, Confirmation, Demand, Grant, IdempotencyEntry, IdempotencyKey, IssueRequest, KeyRing,
    Listing, Mode, Once, Reason, Record, Repeated, Revocation, RevokeOutcome, Sighting, StoreError, Subject,
    SubjectHash, Timestamp, TokenId, TokenState, Tombstone, Verdict,
};

use crate::database::Database;
use crate::error::Failure;
use crate::rows::{self, Live};
use crate::store::on_disk;

/// How many expired rows of each table an issue clears away at most, so that it stays quick.
pub(crate) const CLEARED_AT_ISSUE: u32 = 64;

/// How many expired rows of each table a prune clears away before it lets other writers through.
pub(crate) const CLEARED_AT_ONCE: u32 = 1_000;

/// The store without its asynchronous shell. Every method blocks.
#[derive(Debug)]
pub(crate) struct Transitions {
    pub(crate) keys: Arc<KeyRing>,
    pub(crate) clock: Box<dyn Clock>,
    pub(crate) database: Database,
}

/// A verdict, and when the token dies from now on if that changes.
struct Judged {
    verdict: Verdict,
    renewed_until: Option<Timestamp>,
}

impl Transitions {
    pub(crate) fn issue(&self, id: TokenId, request: &IssueRequest) -> Result<Grant, Failure> {
        self.database.write(|db| self.issue_at(db, id, request, self.clock.now()))
    }

    /// As [`issue`](Self::issue), unless the entry says that it was done before.
    pub(crate) fn issue_once(
        &self,
        id: TokenId,
        request: &IssueRequest,
        entry: IdempotencyEntry,
    ) -> Result<Once<Change<Grant>>, Failure> {
        let IdempotencyEntry { name, fingerprint } = entry;
        self.database.write(|db| {
            let now = self.clock.now();
            match rows::find_issued_before(db, name, now)? {
                Some((of, id)) if of == fingerprint => {
                    let (known, confirmation) = (self.show_at(db, id, now)?, Confirmation::DISK);
                    Ok(Once::Repeated(Repeated { id, known, confirmation }))
                }
                Some(_) => Ok(Once::Mismatched),
                None => {
                    let grant = self.issue_at(db, id, request, now)?;
                    let until = now.after(IdempotencyKey::RETENTION.as_duration());
                    rows::note_issued(db, name, fingerprint, id, until)?;
                    Ok(Once::Issued(on_disk(grant)))
                }
            }
        })
    }

    fn issue_at(
        &self,
        db: &Connection,
        id: TokenId,
        request: &IssueRequest,
        now: Timestamp,
    ) -> Result<Grant, Failure> {
        let subject = request.home_of(id).ok_or_else(|| StoreError::id_of_another(id))?.index;
        rows::clear_expired(db, CLEARED_AT_ISSUE, now)?;
        let record = Record::new(request, now);
        let expires_at = now.after(record.deadlines().ttl(now));
        let live = Live { record: record.encode(id, &self.keys), expires_at };
        if let Some(parent) = request.parent
            && !rows::is_live(db, parent.id(), now)?
        {
            return Err(StoreError::parent_gone(id).into());
        }
        if rows::find_tombstone(db, id, now)?.is_some() || !rows::insert(db, id, subject, &live, now)? {
            return Err(StoreError::id_taken(id).into());
        }
        Ok(record.into_grant(id, expires_at))
    }

    /// SQLite shows an issue and a revocation to readers once they are on disk, and not before.
    pub(crate) fn confirm(&self, id: TokenId) -> Result<TokenState, Failure> {
        self.database.read(|db| {
            let now = self.clock.now();
            Ok(if rows::is_live(db, id, now)? {
                TokenState::Live
            } else if rows::find_tombstone(db, id, now)?.is_some() {
                TokenState::Revoked
            } else {
                TokenState::Unknown
            })
        })
    }

    pub(crate) fn validate(&self, id: TokenId, demand: &Demand, mode: Mode) -> Result<Verdict, Failure> {
        let seen = self.database.read(|db| self.judge(db, id, demand, mode))?;
        if seen.renewed_until.is_none() {
            return Ok(seen.verdict);
        }
        // Judged again as the only writer: the token may have been revoked meanwhile, and must not come back.
        self.database.write(|db| {
            let judged = self.judge(db, id, demand, mode)?;
            if let Some(until) = judged.renewed_until {
                rows::renew(db, id, until)?;
            }
            Ok(judged.verdict)
        })
    }

    fn judge(&self, db: &Connection, id: TokenId, demand: &Demand, mode: Mode) -> Result<Judged, Failure> {
        let now = self.clock.now();
        let Some(live) = rows::find(db, id, now)? else {
            return Ok(Judged { verdict: Verdict::Inactive(Reason::Unknown), renewed_until: None });
        };
        let verdict = self.decode(id, &live)?.judge(id, live.expires_at, demand, mode, now);
        let until = verdict.grant().map(|grant| grant.expires_at);
        Ok(Judged { verdict, renewed_until: until.filter(|&until| until != live.expires_at) })
    }

    pub(crate) fn show(&self, id: TokenId) -> Result<Sighting, Failure> {
        self.database.read(|db| self.show_at(db, id, self.clock.now()))
    }

    fn show_at(&self, db: &Connection, id: TokenId, now: Timestamp) -> Result<Sighting, Failure> {
        if let Some(live) = rows::find(db, id, now)? {
            return Ok(Sighting::Live(self.decode(id, &live)?.into_grant(id, live.expires_at)));
        }
        // In this order, a token that is revoked between the two statements is found by one of them.
        match rows::find_tombstone(db, id, now)? {
            Some(bytes) => Tombstone::decode(id, &bytes, &self.keys)
                .map(Sighting::Revoked)
                .map_err(|error| StoreError::corrupt_tombstone(id, error).into()),
            None => Ok(Sighting::Unknown),
        }
    }

    pub(crate) fn list(&self, subject: &Subject) -> Result<Listing, Failure> {
        let index = SubjectHash::of(subject).index;
        let found = self.database.read(|db| Ok(rows::find_all(db, index, self.clock.now())?))?;
        Ok(Listing::of(found.into_iter().map(|(id, Live { record, expires_at })| {
            let record = Record::decode(id, &record, &self.keys);
            (id, record.map(|record| record.into_grant(id, expires_at)))
        })))
    }

    pub(crate) fn revoke(&self, id: TokenId, revocation: &Revocation) -> Result<RevokeOutcome, Failure> {
        self.database.write(|db| {
            let now = self.clock.now();
            if let Some(record) = rows::take(db, id, now)? {
                bury(db, id, &record, &revocation.to_remark(), now)?;
                return Ok(RevokeOutcome::Revoked);
            }
            let known = rows::keep_tombstone(db, id, keep_until(now), now)?;
            Ok(if known { RevokeOutcome::AlreadyRevoked } else { RevokeOutcome::Unknown })
        })
    }

    pub(crate) fn revoke_subject(
        &self,
        subject: &Subject,
        revocation: &Revocation,
    ) -> Result<Vec<TokenId>, Failure> {
        let (index, remark) = (SubjectHash::of(subject).index, revocation.to_remark());
        self.database.write(|db| {
            let now = self.clock.now();
            let taken = rows::take_all(db, index, now)?;
            for (id, record) in &taken {
                bury(db, *id, record, &remark, now)?;
            }
            Ok(taken.into_iter().map(|(id, _)| id).collect())
        })
    }

    pub(crate) fn prune(&self) -> Result<u64, Failure> {
        let mut total = 0;
        loop {
            let cleared =
                self.database.write(|db| Ok(rows::clear_expired(db, CLEARED_AT_ONCE, self.clock.now())?))?;
            total += cleared;
            if cleared < u64::from(CLEARED_AT_ONCE) {
                return Ok(total);
            }
        }
    }

    fn decode(&self, id: TokenId, live: &Live) -> Result<Record, StoreError> {
        Record::decode(id, &live.record, &self.keys).map_err(|error| StoreError::corrupt(id, error))
    }
}

/// Turns the record of a token that was taken away into its tombstone.
fn bury(db: &Connection, id: TokenId, record: &[u8], remark: &[u8], now: Timestamp) -> Result<(), Failure> {
    Ok(rows::bury(db, id, &Tombstone::to_bytes(now, remark, record), keep_until(now))?)
}

fn keep_until(now: Timestamp) -> Timestamp {
    now.after(Tombstone::RETENTION.as_duration())
}
