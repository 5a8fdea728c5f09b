//! The executable specification of a store.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use crate::access::{Mode, Requirement};
use crate::confirmation::{Committed, Confirmation};
use crate::error::StoreError;
use crate::grant::Grant;
use crate::id::TokenId;
use crate::idempotency::{IdempotencyEntry, IdempotencyKey, Once, Repeated};
use crate::keys::KeyRing;
use crate::listing::Listing;
use crate::names::Subject;
use crate::outcome::{RevokeOutcome, TokenState, TokenStatus};
use crate::partition::SubjectHash;
use crate::record::{Place, Record};
use crate::request::IssueRequest;
use crate::store::{TokenStore, Validating};
use crate::timestamp::{Clock, HOUSEKEEPING_LAG, SystemClock, Timestamp};
use crate::token::ParsedToken;
use crate::tombstone::{Revocation, Tombstone};
use crate::verdict::{Reason, Verdict};

/// A store in the memory of one process: the specification of all other stores, and a store for tests.
///
/// It keeps sealed bytes, as other stores do, so that it refuses the same records.
#[derive(Debug)]
pub struct MemoryStore {
    keys: Arc<KeyRing>,
    clock: Box<dyn Clock>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    tokens: HashMap<TokenId, Kept>,
    tombstones: HashMap<TokenId, Kept>,
    /// The tokens that were issued for idempotency keys, by the name of the entry.
    once: HashMap<u128, IssuedBefore>,
    /// The number of tokens from which the next issue removes the expired ones.
    sweep_at: usize,
}

/// The token that was issued for an idempotency key.
#[derive(Debug)]
struct IssuedBefore {
    fingerprint: u128,
    id: TokenId,
    until: Timestamp,
}

/// The bytes of a record or tombstone, their subject, and when they expire.
#[derive(Debug)]
struct Kept {
    bytes: Vec<u8>,
    subject: u128,
    until: Timestamp,
}

impl MemoryStore {
    /// An empty store on the system's clock.
    #[must_use]
    pub fn new(keys: Arc<KeyRing>) -> Self {
        Self::with_clock(keys, SystemClock)
    }

    /// An empty store on the given clock.
    #[must_use]
    pub fn with_clock(keys: Arc<KeyRing>, clock: impl Clock + 'static) -> Self {
        Self { keys, clock: Box::new(clock), state: Mutex::default() }
    }

    /// Changes the bytes that are kept for a token, so that a test can check that the store does not trust them.
    pub fn tamper(&self, id: TokenId, change: impl FnOnce(&mut Vec<u8>)) {
        if let Some(kept) = self.lock().tokens.get_mut(&id) {
            change(&mut kept.bytes);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A thread that panicked here left the state consistent: it changes by single inserts and removals.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn judge(&self, id: TokenId, requirement: &Requirement, mode: Mode) -> Result<Verdict, StoreError> {
        let (mut state, now) = (self.lock(), self.clock.now());
        let Some(kept) = state.tokens.get_mut(&id).filter(|kept| now < kept.until) else {
            return Ok(Verdict::Inactive(Reason::NoSuchToken));
        };
        let verdict = self.decode(id, kept)?.verdict(id, kept.until, requirement, mode, now);
        if let Verdict::Active(grant) = &verdict {
            kept.until = grant.expires_at;
        }
        Ok(verdict)
    }

    fn issue_at(
        &self,
        state: &mut State,
        id: TokenId,
        request: &IssueRequest,
        now: Timestamp,
    ) -> Result<Grant, StoreError> {
        let subject = request.home_of(id).ok_or_else(|| StoreError::id_of_another(id))?.index;
        if state.tokens.len() >= state.sweep_at {
            state.sweep(now);
        }
        let kept = |kept: Option<&Kept>| kept.is_some_and(|kept| now < kept.until);
        if kept(state.tokens.get(&id)) || kept(state.tombstones.get(&id)) {
            return Err(StoreError::id_taken(id));
        }
        if request.parent.is_some_and(|parent| !kept(state.tokens.get(&parent.id()))) {
            return Err(StoreError::parent_gone(id));
        }
        let record = Record::new(request, now);
        let until = now.after(record.deadlines().ttl(now));
        let bytes = record.encode(Place::of(id), &self.keys);
        state.tokens.insert(id, Kept { bytes, subject, until });
        Ok(record.into_grant(id, until))
    }

    fn show_at(&self, state: &State, id: TokenId, now: Timestamp) -> Result<TokenStatus, StoreError> {
        if let Some(kept) = state.tokens.get(&id).filter(|kept| now < kept.until)
            && let Some(grant) = self.decode(id, kept)?.shown(id, kept.until, now)
        {
            return Ok(TokenStatus::Live(grant));
        }
        match state.tombstones.get(&id).filter(|kept| now < kept.until) {
            Some(kept) => Tombstone::decode(Place::of(id), &kept.bytes, &self.keys)
                .map(TokenStatus::Revoked)
                .map_err(|error| StoreError::corrupt_tombstone(id, error)),
            None => Ok(TokenStatus::Unknown),
        }
    }

    fn decode(&self, id: TokenId, kept: &Kept) -> Result<Record, StoreError> {
        Record::decode(Place::of(id), &kept.bytes, &self.keys).map_err(|error| StoreError::corrupt(id, error))
    }
}

impl State {
    /// The tokens of a subject, including the expired ones.
    fn all_of(&self, subject: &Subject) -> impl Iterator<Item = (TokenId, &Kept)> {
        let index = SubjectHash::of(subject).index;
        self.tokens.iter().filter(move |(_, kept)| kept.subject == index).map(|(&id, kept)| (id, kept))
    }

    /// Replaces a record with its tombstone, and returns whether the token was live. An expired token leaves no tombstone,
    /// but its record is removed as well: it must not become live again if the clock was ahead and is corrected.
    fn bury(&mut self, id: TokenId, revocation: &Revocation, now: Timestamp) -> bool {
        let Some(kept) = self.tokens.remove(&id).filter(|kept| now < kept.until) else { return false };
        let bytes = Tombstone::to_bytes(now, &revocation.to_remark(), &kept.bytes);
        self.tombstones
            .insert(id, Kept { bytes, until: now.after(Tombstone::RETENTION.as_duration()), ..kept });
        true
    }

    /// Removes everything that expired long enough ago, and returns the number of entries removed.
    fn sweep(&mut self, now: Timestamp) -> u64 {
        let (before, limit) = (self.len(), now.before(HOUSEKEEPING_LAG));
        self.tokens.retain(|_, kept| limit < kept.until);
        self.tombstones.retain(|_, kept| limit < kept.until);
        self.once.retain(|_, issued| limit < issued.until);
        self.sweep_at = 2 * self.tokens.len() + 64;
        (before - self.len()) as u64
    }

    fn len(&self) -> usize {
        self.tokens.len() + self.tombstones.len() + self.once.len()
    }
}

/// A change in this memory, which no other server has to confirm.
fn done<T>(outcome: T) -> Committed<T> {
    Committed { outcome, confirmation: Confirmation::LOCAL }
}

#[async_trait]
impl TokenStore for MemoryStore {
    fn keys(&self) -> &Arc<KeyRing> {
        &self.keys
    }

    async fn issue(&self, id: TokenId, request: &IssueRequest) -> Result<Committed<Grant>, StoreError> {
        let (mut state, now) = (self.lock(), self.clock.now());
        self.issue_at(&mut state, id, request, now).map(done)
    }

    async fn issue_once(
        &self,
        id: TokenId,
        request: &IssueRequest,
        key: &IdempotencyKey,
    ) -> Result<Once<Committed<Grant>>, StoreError> {
        let IdempotencyEntry { name, fingerprint } = key.entry(request);
        let (mut state, now) = (self.lock(), self.clock.now());
        if let Some(before) = state.once.get(&name).filter(|before| now < before.until) {
            if before.fingerprint != fingerprint {
                return Ok(Once::Mismatched);
            }
            let known = self.show_at(&state, before.id, now)?;
            let confirmation = Confirmation::LOCAL;
            return Ok(Once::Repeated(Repeated { id: before.id, known, confirmation }));
        }
        let grant = self.issue_at(&mut state, id, request, now)?;
        let until = now.after(IdempotencyKey::RETENTION.as_duration());
        state.once.insert(name, IssuedBefore { fingerprint, id, until });
        Ok(Once::Issued(done(grant)))
    }

    async fn confirm(&self, id: TokenId) -> Result<Committed<TokenState>, StoreError> {
        let (state, now) = (self.lock(), self.clock.now());
        let kept = |kept: Option<&Kept>| kept.is_some_and(|kept| now < kept.until);
        Ok(done(match (kept(state.tokens.get(&id)), kept(state.tombstones.get(&id))) {
            (true, _) => TokenState::Live,
            (false, true) => TokenState::Revoked,
            (false, false) => TokenState::Unknown,
        }))
    }

    fn validate<'a>(
        &'a self,
        token: ParsedToken,
        requirement: &'a Requirement,
        mode: Mode,
    ) -> Validating<'a> {
        Box::pin(async move { self.judge(token.id(), requirement, mode) })
    }

    async fn show(&self, id: TokenId) -> Result<TokenStatus, StoreError> {
        let (state, now) = (self.lock(), self.clock.now());
        self.show_at(&state, id, now)
    }

    async fn list(&self, subject: &Subject) -> Result<Listing, StoreError> {
        let (state, now) = (self.lock(), self.clock.now());
        let kept = state.all_of(subject).filter(|(_, kept)| now < kept.until);
        Ok(Listing::of(kept.filter_map(|(id, kept)| {
            let record = Record::decode(Place::of(id), &kept.bytes, &self.keys);
            let row = record.map(|record| record.shown(id, kept.until, now)).transpose();
            row.map(|row| (id, row))
        })))
    }

    async fn revoke(
        &self,
        id: TokenId,
        revocation: &Revocation,
    ) -> Result<Committed<RevokeOutcome>, StoreError> {
        let (mut state, now) = (self.lock(), self.clock.now());
        if state.bury(id, revocation, now) {
            return Ok(done(RevokeOutcome::Revoked));
        }
        match state.tombstones.get_mut(&id).filter(|kept| now < kept.until) {
            Some(kept) => {
                kept.until = now.after(Tombstone::RETENTION.as_duration());
                Ok(done(RevokeOutcome::AlreadyRevoked))
            }
            None => Ok(done(RevokeOutcome::Unknown)),
        }
    }

    async fn revoke_subject(
        &self,
        subject: &Subject,
        revocation: &Revocation,
    ) -> Result<Committed<Vec<TokenId>>, StoreError> {
        let (mut state, now) = (self.lock(), self.clock.now());
        let mut ids: Vec<_> = state.all_of(subject).map(|(id, _)| id).collect();
        ids.retain(|&id| state.bury(id, revocation, now));
        Ok(done(ids))
    }

    async fn prune(&self) -> Result<u64, StoreError> {
        let (mut state, now) = (self.lock(), self.clock.now());
        Ok(state.sweep(now))
    }
}
