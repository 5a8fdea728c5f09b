//! `RedisStore`: the contract of `token-core`, by the scripts of `lua/`.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use redis::Value;
use token_core::{
    Demand, Grant, IssueRequest, KeyRing, Mode, ParsedToken, Reason, Record, Revocation, RevokeOutcome,
    Sighting, StoreError, Subject, SubjectHash, TokenId, TokenStore, Tombstone, Verdict,
};

use crate::answer::{self, Answer};
use crate::attempt::Attempt;
use crate::connect::{Connections, Link, Target};
use crate::options::Options;
use crate::prune::Walk;
use crate::{demand, scripts};

/// How often a script over all tokens of a subject is tried when others change them meanwhile.
const TRIES: usize = 16;

/// How many of a subject's other tokens an issue looks at, to let the dead ones leave the index.
const SURVEYED: usize = 8;

/// A token store on one Redis server or a Redis Cluster.
pub struct RedisStore {
    keys: Arc<KeyRing>,
    options: Options,
    target: String,
    connections: Connections,
}

impl RedisStore {
    /// Connects to `redis://[USER:PASSWORD@]HOST[:PORT][/DB]`, `redis+unix:///PATH`, or
    /// `redis-cluster://[USER:PASSWORD@]HOST:PORT?node=HOST:PORT&node=…`.
    ///
    /// # Errors
    /// The URL is of another form, the server cannot be reached by the deadline, or it refuses the credentials.
    pub async fn connect(url: &str, keys: Arc<KeyRing>, options: Options) -> Result<Self, StoreError> {
        let target = Target::parse(url)?;
        let shown = target.to_string();
        let attempt = Attempt::new("connect", &shown, options.deadline);
        let connections = attempt.redis(Connections::open(&target.endpoint, &options)).await?;
        Ok(Self { keys, options, target: shown, connections })
    }

    fn attempt(&self, doing: &'static str) -> Attempt<'_> {
        Attempt::new(doing, &self.target, self.options.deadline)
    }

    async fn own(&self, attempt: Attempt<'_>) -> Result<Link, StoreError> {
        attempt.pool(self.connections.own()).await
    }

    fn grant(&self, id: TokenId, record: &[u8], dies_at: i64) -> Result<Grant, StoreError> {
        Ok(self.decode(id, record)?.into_grant(id, answer::time(dies_at)))
    }

    fn decode(&self, id: TokenId, record: &[u8]) -> Result<Record, StoreError> {
        Record::decode(id, record, &self.keys).map_err(|error| StoreError::corrupt(id, error))
    }

    /// Runs a script that must be given all members of a subject's index, until none came in between.
    async fn over_all_of(
        &self,
        subject: SubjectHash,
        attempt: Attempt<'_>,
        script: &scripts::Script,
        call: impl Fn(&[TokenId]) -> (Vec<String>, Vec<Vec<u8>>),
    ) -> Result<Answer, StoreError> {
        let mut members = redis::cmd("ZRANGE");
        members.arg(self.options.namespace.index(subject)).arg(0).arg(-1);
        let mut link = self.own(attempt).await?;
        for _ in 0..TRIES {
            let found: Vec<Value> = attempt.redis(members.query_async(&mut link)).await?;
            let (keys, arguments) = call(&answer::ids(&found));
            let answer = attempt.script(script, &mut link, &keys, arguments).await?;
            if answer.split().0 != b"changed" {
                return Ok(answer);
            }
        }
        Err(attempt.contended())
    }
}

#[async_trait]
impl TokenStore for RedisStore {
    fn keys(&self) -> &Arc<KeyRing> {
        &self.keys
    }

    /// Two calls: the server's time first, since the seal covers the deadlines, then the issue itself.
    async fn issue(&self, id: TokenId, request: &IssueRequest) -> Result<Grant, StoreError> {
        let (attempt, names) = (self.attempt("issue"), &self.options.namespace);
        let index = names.index(request.home_of(id).ok_or_else(|| StoreError::id_of_another(id))?);
        let mut link = self.own(attempt).await?;

        let survey = scripts::SURVEY.run(&mut link, std::slice::from_ref(&index), SURVEYED);
        let survey: Vec<Value> = attempt.redis(async { Ok(redis::from_redis_value(survey.await?)?) }).await?;
        let [Value::Int(now), others @ ..] = survey.as_slice() else { return Err(attempt.not_understood()) };
        let others = answer::ids(others);

        let record = Record::new(request, answer::time(*now));
        let mut keys = vec![names.record(id), names.tombstone(id), index];
        keys.extend(others.iter().map(|&other| names.record(other)));
        let mut arguments = vec![record.encode(id, &self.keys), id.text().to_vec()];
        arguments.extend(others.iter().map(|other| other.text().to_vec()));

        let answer = attempt.script(&scripts::ISSUE, &mut link, &keys, arguments).await?;
        match answer.split() {
            (b"issued", [Value::Int(dies_at)]) => Ok(record.into_grant(id, answer::time(*dies_at))),
            (b"taken", []) => Err(StoreError::id_taken(id)),
            (b"late", []) => Err(attempt.too_late()),
            _ => Err(attempt.not_understood()),
        }
    }

    /// One command on the connection that all validations share.
    async fn validate(&self, token: ParsedToken, demand: &Demand, mode: Mode) -> Result<Verdict, StoreError> {
        let id = token.id();
        let attempt = Attempt::new("validate", &self.target, self.options.validate_deadline);
        let keys = [self.options.namespace.record(id)];
        let mut link = self.connections.shared();
        let answer =
            attempt.script(&scripts::VALIDATE, &mut link, &keys, demand::arguments(demand, mode)).await?;
        match answer.split() {
            (b"active", [Value::BulkString(record), Value::Int(dies_at)]) => {
                Ok(self.decode(id, record)?.verdict(id, answer::time(*dies_at), demand))
            }
            // The record says why it was refused. Where it does not, its time was up before its key was gone.
            (b"refused", [Value::BulkString(record)]) => {
                Ok(Verdict::Inactive(self.decode(id, record)?.refusal(demand).unwrap_or(Reason::Unknown)))
            }
            (b"unknown", []) => Ok(Verdict::Inactive(Reason::Unknown)),
            _ => Err(attempt.not_understood()),
        }
    }

    async fn show(&self, id: TokenId) -> Result<Sighting, StoreError> {
        let (attempt, names) = (self.attempt("show"), &self.options.namespace);
        let mut link = self.own(attempt).await?;
        let keys = [names.record(id), names.tombstone(id)];
        let answer = attempt.script(&scripts::SHOW, &mut link, &keys, Vec::new()).await?;
        match answer.split() {
            (b"live", [Value::BulkString(record), Value::Int(dies_at)]) => {
                Ok(Sighting::Live(self.grant(id, record, *dies_at)?))
            }
            (b"revoked", [Value::BulkString(tombstone)]) => Tombstone::decode(id, tombstone, &self.keys)
                .map(Sighting::Revoked)
                .map_err(|error| StoreError::corrupt_tombstone(id, error)),
            (b"unknown", []) => Ok(Sighting::Unknown),
            _ => Err(attempt.not_understood()),
        }
    }

    async fn list(&self, subject: &Subject) -> Result<Vec<Grant>, StoreError> {
        let (attempt, names) = (self.attempt("list"), &self.options.namespace);
        let hash = SubjectHash::of(subject);
        let call = |ids: &[TokenId]| {
            let records = ids.iter().map(|&id| names.record(id));
            let keys = std::iter::once(names.index(hash)).chain(records).collect();
            (keys, ids.iter().map(|id| id.text().to_vec()).collect())
        };
        let answer = self.over_all_of(hash, attempt, &scripts::LIST, call).await?;
        let (b"listed", rows) = answer.split() else { return Err(attempt.not_understood()) };

        let mut grants = Vec::with_capacity(rows.len() / 3);
        for row in rows.as_chunks().0 {
            let [id, Value::BulkString(record), Value::Int(dies_at)] = row else {
                return Err(attempt.not_understood());
            };
            let id = answer::id(id).ok_or_else(|| attempt.not_understood())?;
            grants.push(self.grant(id, record, *dies_at)?);
        }
        Grant::sort_oldest_first(&mut grants);
        Ok(grants)
    }

    async fn revoke(&self, id: TokenId, revocation: &Revocation) -> Result<RevokeOutcome, StoreError> {
        let (attempt, names) = (self.attempt("revoke"), &self.options.namespace);
        let mut link = self.own(attempt).await?;
        let keys = [names.record(id), names.tombstone(id)];
        let arguments = burial(revocation, &self.options);
        let answer = attempt.script(&scripts::REVOKE, &mut link, &keys, arguments).await?;
        match answer.split() {
            (b"revoked", []) => Ok(RevokeOutcome::Revoked),
            (b"already_revoked", []) => Ok(RevokeOutcome::AlreadyRevoked),
            (b"unknown", []) => Ok(RevokeOutcome::Unknown),
            _ => Err(attempt.not_understood()),
        }
    }

    async fn revoke_subject(
        &self,
        subject: &Subject,
        revocation: &Revocation,
    ) -> Result<Vec<TokenId>, StoreError> {
        let (attempt, names) = (self.attempt("revoke the user's tokens"), &self.options.namespace);
        let hash = SubjectHash::of(subject);
        let call = |ids: &[TokenId]| {
            let mut keys = vec![names.index(hash), names.subject_tombstone(hash)];
            keys.extend(ids.iter().flat_map(|&id| [names.record(id), names.tombstone(id)]));
            let mut arguments = burial(revocation, &self.options);
            arguments.extend(ids.iter().map(|id| id.text().to_vec()));
            (keys, arguments)
        };
        let answer = self.over_all_of(hash, attempt, &scripts::REVOKE_USER, call).await?;
        match answer.split() {
            (b"revoked", ids) => Ok(answer::ids(ids)),
            _ => Err(attempt.not_understood()),
        }
    }

    /// Each step of the walk has the deadline for itself; the whole takes as long as the store is large.
    async fn prune(&self) -> Result<u64, StoreError> {
        let attempt = self.attempt("prune");
        let mut link = self.own(attempt).await?;
        let mut walk = attempt.redis(Walk::begin(&self.options.namespace, &mut link)).await?;
        loop {
            if let Some(pruned) = attempt.redis(walk.step(&mut link)).await? {
                return Ok(pruned);
            }
        }
    }
}

/// The first arguments of the revoke scripts: the remark, and how long to keep it.
fn burial(revocation: &Revocation, options: &Options) -> Vec<Vec<u8>> {
    vec![revocation.to_remark(), options.tombstone_retention.as_millis().to_string().into_bytes()]
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
