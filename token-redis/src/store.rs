//! `RedisStore`: the contract of `token-core`, by the scripts of `lua/`.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use redis::{RedisResult, Value};
use token_core::spi::{
    IdempotencyEntry, Partition, Record, RecordError, SubjectHash, TokenStore, TombstoneError, Validating,
};
use token_core::{
    Committed, Confirmation, Grant, IdempotencyKey, IssueRequest, KeyFit, KeyRing, Listing, Mode, Once,
    ParsedToken, Repeated, Requirement, Revocation, RevokeOutcome, StoreError, Subject, TokenId, TokenState,
    TokenStatus, Tombstone, Verdict,
};
use tokio::time::Instant;

use crate::answer::{self, Answer};
use crate::attempt::Attempt;
use crate::builder::Builder;
use crate::cache::CacheStatus;
use crate::confirm::Confirmed;
use crate::connect::{Home, Own, Primaries, Shared, Target, Work};
use crate::key_checks::{self, Noted};
use crate::keys::Namespace;
use crate::opening;
use crate::options::Options;
use crate::pool::PoolState;
use crate::prune::Walk;
use crate::scripts::{self, Call};
use crate::validation::Validation;

/// How often a script over all tokens of a subject is tried when others change them meanwhile.
const TRIES: usize = 16;

/// How many of a subject's other tokens an issue looks at, to let the dead ones leave the index.
const SURVEYED: usize = 8;

/// A token store on Redis: one server, a server that sentinels name, or a Redis Cluster.
pub struct RedisStore {
    keys: Arc<KeyRing>,
    options: Options,
    target: String,
    shared: Arc<Shared>,
    validation: Validation,
    primaries: Arc<Primaries>,
    noted: Arc<Noted>,
}

impl RedisStore {
    /// Connects to a store URL:
    ///
    /// | URL | is |
    /// |---|---|
    /// | `redis://[USER:PASSWORD@]HOST[:PORT][/DB]`, `redis+unix:///PATH` | one server |
    /// | `redis-sentinel://[USER:PASSWORD@]HOST:PORT[,HOST:PORT…]/DB?sentinelServiceName=NAME` | the server that sentinels name |
    /// | `redis-cluster://[USER:PASSWORD@]HOST:PORT?node=HOST:PORT&node=…` | a Redis Cluster, by some of its nodes |
    ///
    /// With `rediss` for `redis`, over TLS. Sentinels are asked without user and password.
    ///
    /// # Errors
    /// The URL is of another form, the server cannot be reached by the deadline, or it refuses the credentials.
    pub async fn connect(url: &str, keys: Arc<KeyRing>, options: Options) -> Result<Self, StoreError> {
        let target = Arc::new(Target::parse(url, Some(options.tls.certificates()))?);
        let secure = target.certificates().is_some();
        if secure {
            options.tls.prepare()?;
        }
        let shown = target.to_string();
        let attempt = Attempt::to_connect(&shown, secure, options.deadline);
        let shared = Arc::new(opening::open(&target, &options, attempt).await?);
        let primaries = Arc::new(Primaries::new(target.clone(), &options));
        let validation = Validation::new(keys.clone(), &options, target, shared.clone());
        Ok(Self { keys, options, target: shown, shared, validation, primaries, noted: Arc::default() })
    }

    /// The same store for the runtime that this is called on: its validations share a connection that lives there, and calls
    /// only with each other. All else is common to both: the local cache, the pools, what is counted.
    ///
    /// For a process with a runtime on each of its cores, so that nothing that is asked on one waits for another core. Where
    /// one runtime does all the work, one store is enough. The runtime on which the store was opened has to outlast the
    /// others where there is a local cache: its listener lives there, and without it everything is asked.
    ///
    /// # Errors
    /// The server cannot be reached by the deadline, or it refuses the credentials.
    pub async fn on_this_runtime(&self) -> Result<Self, StoreError> {
        let attempt = Attempt::to_connect(&self.target, self.shared.is_secure(), self.options.deadline);
        let shared = Arc::new(attempt.redis(self.shared.beside()).await?);
        Ok(Self {
            keys: self.keys.clone(),
            options: self.options.clone(),
            target: self.target.clone(),
            validation: self.validation.over(shared.clone()),
            shared,
            primaries: self.primaries.clone(),
            noted: self.noted.clone(),
        })
    }

    /// A store with more than a URL and keys to be told:
    /// `RedisStore::builder().local_cache(LocalCache::default()).connect(url, keys)`.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Compares the keys of this node with what the store knows of the keys that issued its tokens. A server that does
    /// not answer by [`Options::deadline`], or refuses, leaves that unknown.
    pub async fn key_fit(&self) -> KeyFit {
        let (attempt, slot) = (self.attempt("read the key versions"), Namespace::slot_of_key_checks());
        let look = key_checks::Look(&self.options.namespace);
        match self.primaries.at_home_of(slot, &look, attempt.until()).await {
            Ok(Ok(known)) => self.keys.fit(&known),
            _ => KeyFit::Unknown,
        }
    }

    /// How often the connection that validations share was replaced, because it was lost or calls on it timed out.
    #[must_use]
    pub fn connection_swaps(&self) -> u64 {
        self.shared.swaps()
    }

    /// How the local cache is doing; `None` without one.
    #[must_use]
    pub fn cache_status(&self) -> Option<CacheStatus> {
        self.validation.cache_status()
    }

    /// The pools that all operations but validations take their connections from: one for each server that was needed
    /// so far, in the order of their names.
    #[must_use]
    pub fn pools(&self) -> Vec<PoolState> {
        self.primaries.pools()
    }

    fn attempt(&self, doing: &'static str) -> Attempt<'_> {
        Attempt::new(doing, &self.target, self.shared.is_cluster(), self.options.deadline)
    }

    /// The grant of a live token. Scripts give 0 for a record that is no string.
    fn grant(&self, id: TokenId, record: &Value, dies_at: i64) -> Result<Grant, RecordError> {
        let Value::BulkString(record) = record else { return Err(RecordError::Type) };
        Ok(Record::decode(id, record, &self.keys)?.into_grant(id, answer::time(dies_at)))
    }

    /// Calls a script at the primary of a partition.
    async fn call(
        &self,
        attempt: Attempt<'_>,
        partition: Partition,
        call: &Call,
    ) -> Result<Answer, StoreError> {
        let slot = Namespace::slot(partition);
        attempt.answer(self.primaries.at_home_of(slot, call, attempt.until()).await)
    }

    /// Calls a script that writes, and waits for the confirmation of what it wrote.
    async fn change(
        &self,
        attempt: Attempt<'_>,
        partition: Partition,
        call: &Call,
    ) -> Result<Committed<Answer>, StoreError> {
        let Options { confirm: level, confirm_timeout: patience, .. } = self.options;
        let work = Confirmed { call, level, patience };
        let slot = Namespace::slot(partition);
        let done = self.primaries.at_home_of(slot, &work, attempt.until()).await;
        let (value, confirmation) = attempt.ended(done)?;
        let outcome = Answer::read(value).ok_or_else(|| attempt.not_understood())?;
        Ok(Committed { outcome, confirmation })
    }

    /// The ids in a subject's index.
    async fn members(&self, attempt: Attempt<'_>, subject: SubjectHash) -> Result<Vec<TokenId>, StoreError> {
        let look = Members { index: self.options.namespace.index(subject), partition: subject.partition };
        let slot = Namespace::slot(subject.partition);
        attempt.ended(self.primaries.at_home_of(slot, &look, attempt.until()).await)
    }
}

/// What `issue.lua` answers.
enum Answered {
    Issued(Committed<Grant>),
    /// The token that the idempotency key issued before.
    Repeated(TokenId),
    Mismatched,
}

/// A look at the members of an index. What is no token id of its partition was not written by us and names no token of the
/// subject; it would keep every script over all members from finding the index unchanged, so it is taken out.
struct Members {
    index: String,
    partition: Partition,
}

impl Work for Members {
    type Output = Vec<TokenId>;

    async fn perform(&self, own: &mut Own, _: &Home) -> RedisResult<Vec<TokenId>> {
        let members: Vec<Value> =
            redis::cmd("ZRANGE").arg(&self.index).arg(0).arg(-1).query_async(own).await?;
        let mut ids = Vec::with_capacity(members.len());
        for member in &members {
            match (answer::id(member), member) {
                (Some(id), _) if id.partition() == self.partition => ids.push(id),
                (_, Value::BulkString(other)) => {
                    tracing::warn!(index = self.index, "took something out of an index that is no token id");
                    redis::cmd("ZREM").arg(&self.index).arg(other).query_async::<()>(own).await?;
                }
                _ => {}
            }
        }
        Ok(ids)
    }
}

#[async_trait]
impl TokenStore for RedisStore {
    fn keys(&self) -> &Arc<KeyRing> {
        &self.keys
    }

    async fn issue(&self, id: TokenId, request: &IssueRequest) -> Result<Committed<Grant>, StoreError> {
        match self.issue_or_repeat(id, request, None).await? {
            Answered::Issued(change) => Ok(change),
            Answered::Repeated(_) | Answered::Mismatched => Err(self.attempt("issue").not_understood()),
        }
    }

    /// A repeat takes two calls more: one that waits for the confirmation of the token, and one that looks at it.
    async fn issue_once(
        &self,
        id: TokenId,
        request: &IssueRequest,
        key: &IdempotencyKey,
    ) -> Result<Once<Committed<Grant>>, StoreError> {
        match self.issue_or_repeat(id, request, Some(key.entry(request))).await? {
            Answered::Issued(change) => Ok(Once::Issued(change)),
            Answered::Mismatched => Ok(Once::Mismatched),
            Answered::Repeated(id) => {
                let Committed { confirmation, .. } = self.confirm(id).await?;
                Ok(Once::Repeated(Repeated { id, known: self.show(id).await?, confirmation }))
            }
        }
    }

    async fn confirm(&self, id: TokenId) -> Result<Committed<TokenState>, StoreError> {
        let (attempt, names) = (self.attempt("confirm"), &self.options.namespace);
        let keys = vec![names.record(id), names.tombstone(id)];
        let call = Call { script: &scripts::CONFIRM, keys, arguments: Vec::new() };
        let Committed { outcome, confirmation } = self.change(attempt, id.partition(), &call).await?;
        let outcome = match outcome.split() {
            (b"live", []) => TokenState::Live,
            (b"revoked", []) => TokenState::Revoked,
            // Nothing was written, so there is nothing to confirm.
            (b"unknown", []) => {
                return Ok(Committed { outcome: TokenState::Unknown, confirmation: Confirmation::LOCAL });
            }
            _ => return Err(attempt.not_understood()),
        };
        Ok(Committed { outcome, confirmation })
    }

    /// At most one command, on the connection that all validations share.
    fn validate<'a>(
        &'a self,
        token: ParsedToken,
        requirement: &'a Requirement,
        mode: Mode,
    ) -> Validating<'a> {
        self.validation.one(token, requirement, mode)
    }

    fn validates_within(&self) -> Option<Duration> {
        // It may have to wait for another's call, and then for its own.
        Some(2 * self.options.validate_deadline)
    }

    /// One command for up to 64 tokens; in a cluster, for those of one partition.
    async fn validate_many(
        &self,
        tokens: &[(ParsedToken, Requirement)],
        mode: Mode,
    ) -> Vec<Result<Verdict, StoreError>> {
        self.validation.many(tokens, mode).await
    }

    async fn show(&self, id: TokenId) -> Result<TokenStatus, StoreError> {
        let (attempt, names) = (self.attempt("show"), &self.options.namespace);
        let keys = vec![names.record(id), names.tombstone(id)];
        let call = Call { script: &scripts::SHOW, keys, arguments: Vec::new() };
        let answer = self.call(attempt, id.partition(), &call).await?;
        match answer.split() {
            (b"live", [record, Value::Int(dies_at)]) => {
                let grant = self.grant(id, record, *dies_at);
                grant.map(TokenStatus::Live).map_err(|error| StoreError::corrupt(id, error))
            }
            (b"revoked", [Value::BulkString(tombstone)]) => Tombstone::decode(id, tombstone, &self.keys)
                .map(TokenStatus::Revoked)
                .map_err(|error| StoreError::corrupt_tombstone(id, error)),
            (b"revoked", [Value::Int(0)]) => Err(StoreError::corrupt_tombstone(id, TombstoneError)),
            (b"unknown", []) => Ok(TokenStatus::Unknown),
            _ => Err(attempt.not_understood()),
        }
    }

    async fn list(&self, subject: &Subject) -> Result<Listing, StoreError> {
        let (attempt, names) = (self.attempt("list"), &self.options.namespace);
        let hash = SubjectHash::of(subject);
        for _ in 0..TRIES {
            let ids = self.members(attempt, hash).await?;
            let records = ids.iter().map(|&id| names.record(id));
            let keys = std::iter::once(names.index(hash)).chain(records).collect();
            let arguments = ids.iter().map(|id| id.text().to_vec()).collect();
            let call = Call { script: &scripts::LIST, keys, arguments };
            let answer = self.call(attempt, hash.partition, &call).await?;
            match answer.split() {
                (b"changed", []) => {}
                (b"listed", rows) => return self.listing(attempt, rows),
                _ => return Err(attempt.not_understood()),
            }
        }
        Err(attempt.contended())
    }

    async fn revoke(
        &self,
        id: TokenId,
        revocation: &Revocation,
    ) -> Result<Committed<RevokeOutcome>, StoreError> {
        let (attempt, names) = (self.attempt("revoke"), &self.options.namespace);
        let keys = vec![names.record(id), names.tombstone(id)];
        let mut arguments = burial(revocation, &self.options);
        arguments.push(id.text().to_vec());
        let call = Call { script: &scripts::REVOKE, keys, arguments };
        let Committed { outcome, confirmation } = self.change(attempt, id.partition(), &call).await?;
        self.validation.forget(id.partition());
        let outcome = match outcome.split() {
            (b"revoked", []) => RevokeOutcome::Revoked,
            (b"already_revoked", []) => RevokeOutcome::AlreadyRevoked,
            // Nothing was written, so there is nothing to confirm.
            (b"unknown", []) => {
                return Ok(Committed { outcome: RevokeOutcome::Unknown, confirmation: Confirmation::LOCAL });
            }
            _ => return Err(attempt.not_understood()),
        };
        Ok(Committed { outcome, confirmation })
    }

    async fn revoke_subject(
        &self,
        subject: &Subject,
        revocation: &Revocation,
    ) -> Result<Committed<Vec<TokenId>>, StoreError> {
        let (attempt, names) = (self.attempt("revoke the user's tokens"), &self.options.namespace);
        let hash = SubjectHash::of(subject);
        for _ in 0..TRIES {
            let ids = self.members(attempt, hash).await?;
            let mut keys = vec![names.index(hash), names.subject_tombstone(hash)];
            keys.extend(ids.iter().flat_map(|&id| [names.record(id), names.tombstone(id)]));
            let mut arguments = burial(revocation, &self.options);
            arguments.extend(ids.iter().map(|id| id.text().to_vec()));
            let call = Call { script: &scripts::REVOKE_USER, keys, arguments };
            let Committed { outcome, confirmation } = self.change(attempt, hash.partition, &call).await?;
            self.validation.forget(hash.partition);
            match outcome.split() {
                (b"changed", []) => {}
                (b"revoked", ids) => return Ok(Committed { outcome: answer::ids(ids), confirmation }),
                _ => return Err(attempt.not_understood()),
            }
        }
        Err(attempt.contended())
    }

    /// Each step of the walk has the deadline for itself; the whole takes as long as the store is large.
    async fn prune(&self) -> Result<u64, StoreError> {
        let walk = Walk::begin(&self.options.namespace, &self.primaries);
        let mut walk = self.attempt("prune").redis(walk).await?;
        loop {
            if let Some(pruned) = self.attempt("prune").redis(walk.step()).await? {
                return Ok(pruned);
            }
        }
    }
}

impl RedisStore {
    /// Two calls: the server's time first, since the seal covers the deadlines, then the issue itself.
    async fn issue_or_repeat(
        &self,
        id: TokenId,
        request: &IssueRequest,
        once: Option<IdempotencyEntry>,
    ) -> Result<Answered, StoreError> {
        let (attempt, names) = (self.attempt("issue"), &self.options.namespace);
        let index = names.index(request.home_of(id).ok_or_else(|| StoreError::id_of_another(id))?);

        // Not with the key file of another deployment: no node of this one would know the token.
        if self.options.note_keys {
            let until = Instant::now() + self.options.deadline / 2;
            self.noted.before_issue(&self.keys, names, &self.primaries, until).await.require("issue")?;
        }

        let survey = Call {
            script: &scripts::SURVEY,
            keys: vec![index.clone()],
            arguments: vec![SURVEYED.to_string().into_bytes()],
        };
        let slot = Namespace::slot(id.partition());
        let survey = attempt.ended(self.primaries.at_home_of(slot, &survey, attempt.until()).await)?;
        let Value::Array(survey) = survey else { return Err(attempt.not_understood()) };
        let [Value::Int(now), others @ ..] = survey.as_slice() else { return Err(attempt.not_understood()) };
        let mut others = answer::ids(others);
        // A key of another partition would be in another slot.
        others.retain(|other| other.partition() == id.partition());

        let record = Record::new(request, answer::time(*now));
        let parent = request.parent.map(|parent| names.record(parent.id()));
        let parents = if parent.is_some() { b"1" } else { b"0" };
        let mut keys = vec![names.record(id), names.tombstone(id), index];
        keys.extend(parent);
        keys.extend(once.map(|entry| names.issued_once(id.partition(), entry.name)));
        keys.extend(others.iter().map(|&other| names.record(other)));
        let fingerprint = once.map(|entry| entry.fingerprint.to_be_bytes().to_vec()).unwrap_or_default();
        let retention = IdempotencyKey::RETENTION.as_millis().to_string().into_bytes();
        let (bytes, text) = (record.encode(id, &self.keys), id.text().to_vec());
        let mut arguments = vec![bytes, text, parents.to_vec(), fingerprint, retention];
        arguments.extend(others.iter().map(|other| other.text().to_vec()));

        let call = Call { script: &scripts::ISSUE, keys, arguments };
        let Committed { outcome, confirmation } = self.change(attempt, id.partition(), &call).await?;
        match outcome.split() {
            (b"issued", [Value::Int(dies_at)]) => {
                let outcome = record.into_grant(id, answer::time(*dies_at));
                Ok(Answered::Issued(Committed { outcome, confirmation }))
            }
            (b"repeated", [id]) => {
                answer::id(id).map(Answered::Repeated).ok_or_else(|| attempt.not_understood())
            }
            (b"mismatched", []) => Ok(Answered::Mismatched),
            (b"taken", []) => Err(StoreError::id_taken(id)),
            (b"orphan", []) => Err(StoreError::parent_gone(id)),
            (b"late", []) => Err(attempt.too_late()),
            _ => Err(attempt.not_understood()),
        }
    }

    /// Reads the rows of a listing: id, record and time of death, in turn.
    fn listing(&self, attempt: Attempt<'_>, rows: &[Value]) -> Result<Listing, StoreError> {
        let read = |row: &[Value; 3]| {
            let [id, record, Value::Int(dies_at)] = row else { return None };
            let id = answer::id(id)?;
            Some((id, self.grant(id, record, *dies_at)))
        };
        let rows: Option<Vec<_>> = rows.as_chunks().0.iter().map(read).collect();
        rows.map(Listing::of).ok_or_else(|| attempt.not_understood())
    }
}

/// The first arguments of the revoke scripts: the remark, how long to keep it, and where to tell of it.
fn burial(revocation: &Revocation, options: &Options) -> Vec<Vec<u8>> {
    let retention = options.tombstone_retention.as_millis().to_string();
    vec![revocation.to_remark(), retention.into_bytes(), options.namespace.revocations().into_bytes()]
}

/// Shows where the store is, without user and password.
impl fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStore")
            .field("target", &self.target)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}
