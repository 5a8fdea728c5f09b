//! The database operations of each method of the store: a read of one statement, a change in a transaction that other changes
//! may share, or the read and then the change.
//!
//! The clock is read after all waiting, inside the transaction.

use std::sync::Arc;

use rusqlite::Connection;
use token_core::spi::{Clock, IdempotencyEntry, Place, Record, SubjectHash};
use token_core::{
    Committed, Confirmation, Grant, IdempotencyKey, IssueRequest, KeyRing, Listing, Mode, Once, Reason,
    Repeated, Requirement, Revocation, RevokeOutcome, StoreError, Subject, Timestamp, TokenId, TokenState,
    TokenStatus, Tombstone, Verdict,
};

use crate::database::{Database, Durability};
use crate::error::Failure;
use crate::key_checks;
use crate::open::APPLICATION_ID;
use crate::rows::{self, Live};
use crate::store::on_disk;
use crate::writing::{Answer, Pending, Queue, QueuedChange};

/// How many expired rows of each table an issue deletes at most, so that it stays fast.
pub(crate) const CLEARED_AT_ISSUE: u32 = 64;

/// How many expired rows of each table a prune deletes before it lets other writers continue.
pub(crate) const CLEARED_AT_ONCE: u32 = 1_000;

/// The synchronous part of the store. Every method blocks.
#[derive(Debug)]
pub(crate) struct Transitions {
    pub(crate) keys: Arc<KeyRing>,
    pub(crate) clock: Box<dyn Clock>,
    pub(crate) database: Database,
    pub(crate) queue: Queue,
}

/// The result of reading a token.
enum Seen {
    /// The verdict, which needs no change.
    Settled(Verdict),
    /// The token is active, and this use renews it.
    Renewing(Renewal),
}

/// An admitted use: the grant, and the record of the grant.
struct Renewal {
    grant: Arc<Grant>,
    record: Vec<u8>,
}

impl Transitions {
    pub(crate) fn issue(
        &self,
        db: &Connection,
        id: TokenId,
        request: &IssueRequest,
    ) -> Result<Grant, Failure> {
        self.issue_at(db, id, request, self.clock.now())
    }

    /// As [`issue`](Self::issue), unless the key has an entry of an earlier request.
    pub(crate) fn issue_once(
        &self,
        db: &Connection,
        id: TokenId,
        request: &IssueRequest,
        entry: &IdempotencyEntry,
    ) -> Result<Once<Committed<Grant>>, Failure> {
        let &IdempotencyEntry { name, fingerprint } = entry;
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
    }

    fn issue_at(
        &self,
        db: &Connection,
        id: TokenId,
        request: &IssueRequest,
        now: Timestamp,
    ) -> Result<Grant, Failure> {
        let subject = request.home_of(id).ok_or_else(|| StoreError::id_of_another(id))?.index;
        key_checks::before_issue(db, &self.keys)?;
        rows::clear_expired(db, CLEARED_AT_ISSUE, now)?;
        let record = Record::new(request, now);
        let expires_at = now.after(record.deadlines().ttl(now));
        let live = Live { record: record.encode(Place::of(id), &self.keys), expires_at };
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

    /// Readers see an issue or a revocation only once it is on the disk.
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

    /// The verdict of a validation, or the renewal to write before it is answered.
    pub(crate) fn validate(
        &self,
        id: TokenId,
        requirement: Requirement,
        mode: Mode,
        answer: Answer<Verdict>,
    ) -> Option<Box<dyn QueuedChange>> {
        let settled = match self.database.read(|db| self.look(db, id, &requirement, mode)) {
            Ok(Seen::Renewing(seen)) => {
                return Some(Pending::new(Durability::Seen, answer, move |store, db| {
                    store.renew(db, id, &seen, &requirement, mode)
                }));
            }
            Ok(Seen::Settled(verdict)) => Ok(verdict),
            Err(failure) => Err(failure),
        };
        // Its caller may have gone away.
        let _ = answer.send(settled);
        None
    }

    fn look(
        &self,
        db: &Connection,
        id: TokenId,
        requirement: &Requirement,
        mode: Mode,
    ) -> Result<Seen, Failure> {
        let now = self.clock.now();
        let Some(live) = rows::find(db, id, now)? else {
            return Ok(Seen::Settled(Verdict::Inactive(Reason::NoSuchToken)));
        };
        let verdict = self.decode(id, &live)?.verdict(id, live.expires_at, requirement, mode, now);
        Ok(match verdict {
            Verdict::Active(grant) if grant.expires_at != live.expires_at => {
                Seen::Renewing(Renewal { grant, record: live.record })
            }
            verdict => Seen::Settled(verdict),
        })
    }

    /// Renews as the only writer. The token may have been revoked since it was read, and must not become live again: the row
    /// is changed only if it is live and has the record for which the use was admitted.
    fn renew(
        &self,
        db: &Connection,
        id: TokenId,
        seen: &Renewal,
        requirement: &Requirement,
        mode: Mode,
    ) -> Result<Verdict, Failure> {
        let Renewal { grant, record } = seen;
        let now = self.clock.now();
        if let Some(expires_at) = rows::renew(db, id, record, grant.deadlines, now)? {
            return Ok(Verdict::Active(Arc::new(Grant { expires_at, ..Grant::clone(grant) })));
        }
        match self.look(db, id, requirement, mode)? {
            Seen::Settled(verdict) => Ok(verdict),
            Seen::Renewing(Renewal { grant, record }) => {
                let until = rows::renew(db, id, &record, grant.deadlines, now)?;
                let expires_at = until.unwrap_or(grant.expires_at);
                Ok(Verdict::Active(Arc::new(Grant { expires_at, ..Grant::clone(&grant) })))
            }
        }
    }

    pub(crate) fn show(&self, id: TokenId) -> Result<TokenStatus, Failure> {
        self.database.read(|db| self.show_at(db, id, self.clock.now()))
    }

    fn show_at(&self, db: &Connection, id: TokenId, now: Timestamp) -> Result<TokenStatus, Failure> {
        if let Some(live) = rows::find(db, id, now)?
            && let Some(grant) = self.decode(id, &live)?.shown(id, live.expires_at, now)
        {
            return Ok(TokenStatus::Live(grant));
        }
        // In this order, one of the two statements finds a token that is revoked between them.
        match rows::find_tombstone(db, id, now)? {
            Some(bytes) => Tombstone::decode(Place::of(id), &bytes, &self.keys)
                .map(TokenStatus::Revoked)
                .map_err(|error| StoreError::corrupt_tombstone(id, error).into()),
            None => Ok(TokenStatus::Unknown),
        }
    }

    pub(crate) fn list(&self, subject: &Subject) -> Result<Listing, Failure> {
        let index = SubjectHash::of(subject).index;
        let now = self.clock.now();
        let found = self.database.read(|db| Ok(rows::find_all(db, index, now)?))?;
        Ok(Listing::of(found.into_iter().filter_map(|(id, Live { record, expires_at })| {
            let record = Record::decode(Place::of(id), &record, &self.keys);
            let row = record.map(|record| record.shown(id, expires_at, now)).transpose();
            row.map(|row| (id, row))
        })))
    }

    pub(crate) fn revoke(
        &self,
        db: &Connection,
        id: TokenId,
        revocation: &Revocation,
    ) -> Result<RevokeOutcome, Failure> {
        let now = self.clock.now();
        if let Some(record) = rows::take(db, id, now)? {
            bury(db, id, &record, &revocation.to_remark(), now)?;
            return Ok(RevokeOutcome::Revoked);
        }
        let known = rows::keep_tombstone(db, id, keep_until(now), now)?;
        Ok(if known { RevokeOutcome::AlreadyRevoked } else { RevokeOutcome::Unknown })
    }

    pub(crate) fn revoke_subject(
        &self,
        db: &Connection,
        subject: &Subject,
        revocation: &Revocation,
    ) -> Result<Vec<TokenId>, Failure> {
        let (index, remark) = (SubjectHash::of(subject).index, revocation.to_remark());
        let now = self.clock.now();
        let taken = rows::take_all(db, index, now)?;
        for (id, record) in &taken {
            bury(db, *id, record, &remark, now)?;
        }
        Ok(taken.into_iter().map(|(id, _)| id).collect())
    }

    /// Deletes some of the expired rows, and returns how many.
    pub(crate) fn prune(&self, db: &Connection) -> Result<u64, Failure> {
        Ok(rows::clear_expired(db, CLEARED_AT_ONCE, self.clock.now())?)
    }

    /// Fails if the open file is not at its path any more.
    pub(crate) fn check_place(&self) -> Result<(), Failure> {
        self.database.check_place()
    }

    /// Writes an existing value again: it fails if a change would fail, with the same error.
    pub(crate) fn write_page(&self, db: &Connection) -> Result<(), Failure> {
        Ok(db.pragma_update(None, "application_id", APPLICATION_ID)?)
    }

    fn decode(&self, id: TokenId, live: &Live) -> Result<Record, StoreError> {
        Record::decode(Place::of(id), &live.record, &self.keys)
            .map_err(|error| StoreError::corrupt(id, error))
    }
}

/// Makes a tombstone from the record of a deleted token.
fn bury(db: &Connection, id: TokenId, record: &[u8], remark: &[u8], now: Timestamp) -> Result<(), Failure> {
    Ok(rows::bury(db, id, &Tombstone::to_bytes(now, remark, record), keep_until(now))?)
}

fn keep_until(now: Timestamp) -> Timestamp {
    now.after(Tombstone::RETENTION.as_duration())
}
