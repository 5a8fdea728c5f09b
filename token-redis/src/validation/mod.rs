//! The hot path: from a parsed token to a verdict.
//!
//! What the local cache knows is answered at once. The rest is asked, over the connection that all validations share:
//! identical questions share a call ([`Flights`]), and many different ones are put together ([`batches`]).

mod batches;
mod flights;
pub(crate) mod question;

use std::hash::BuildHasherDefault;
use std::iter::zip;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream;
use redis::Value;
use token_core::{
    Demand, KeyRing, Mode, ParsedToken, Partition, Reason, Record, StoreError, TokenId, Verdict,
};

use self::batches::{AT_ONCE, batches};
use self::flights::Flights;
use self::question::{IdHasher, Question};
use crate::answer::{self, Answer};
use crate::attempt::Attempt;
use crate::cache::{Cache, CacheStatus, Sending};
use crate::connect::{Shape, Shared, Target};
use crate::keys::Namespace;
use crate::options::Options;

/// Answers whether tokens count.
pub(crate) struct Validation {
    keys: Arc<KeyRing>,
    options: Options,
    /// The store, as it is shown to people.
    shown: String,
    target: Arc<Target>,
    shared: Arc<Shared>,
    flights: Flights<Question, Result<Verdict, StoreError>, BuildHasherDefault<IdHasher>>,
    cache: Option<Cache>,
}

impl Validation {
    pub(crate) fn new(
        keys: Arc<KeyRing>,
        options: Options,
        target: Arc<Target>,
        shared: Arc<Shared>,
    ) -> Self {
        let cache = options.local_cache.map(|settings| Cache::open(settings, target.clone(), &options));
        Self { keys, shown: target.to_string(), options, target, shared, flights: Flights::new(), cache }
    }

    /// One verdict, for at most one command.
    pub(crate) async fn one(
        &self,
        token: ParsedToken,
        demand: &Demand,
        mode: Mode,
    ) -> Result<Verdict, StoreError> {
        match self.known(token.id(), demand, mode) {
            Some(verdict) => Ok(verdict),
            // In a box: what is known should not have to carry about all that asking takes.
            None => Box::pin(self.find_out(token.id(), demand, mode)).await,
        }
    }

    /// Asks, together with whoever asks the same.
    async fn find_out(&self, id: TokenId, demand: &Demand, mode: Mode) -> Result<Verdict, StoreError> {
        let attempt = self.attempt();
        let question = Question::new(id, demand, mode);
        let ask = async || {
            // Whoever had to wait for another's call may find its answer here.
            match self.known(id, demand, mode) {
                Some(verdict) => Ok(verdict),
                None => self.ask_one(attempt, &question, demand).await,
            }
        };
        let shared = self.flights.share(&question, attempt.until(), ask).await;
        shared.map_err(|_| attempt.out_of_time())?
    }

    /// A verdict each.
    pub(crate) async fn many(
        &self,
        tokens: &[(ParsedToken, Demand)],
        mode: Mode,
    ) -> Vec<Result<Verdict, StoreError>> {
        let mut verdicts: Vec<_> =
            tokens.iter().map(|(token, demand)| self.known(token.id(), demand, mode).map(Ok)).collect();
        let unknown = tokens.iter().enumerate().zip(&verdicts).filter(|(_, verdict)| verdict.is_none());
        let unknown = unknown.map(|((place, (token, _)), _)| (place, token.id().partition()));
        let batches = batches(unknown, self.target.shape == Shape::Cluster);
        let asking = batches.into_iter().map(|places| self.ask(tokens, places, mode));
        let mut answered = stream::iter(asking).buffer_unordered(AT_ONCE);
        while let Some(answers) = answered.next().await {
            for (place, answer) in answers {
                if let Some(verdict) = verdicts.get_mut(place) {
                    *verdict = Some(answer);
                }
            }
        }
        let missing = || Err(self.attempt().not_understood());
        verdicts.into_iter().map(|verdict| verdict.unwrap_or_else(missing)).collect()
    }

    /// How the local cache is doing, where there is one.
    pub(crate) fn cache_status(&self) -> Option<CacheStatus> {
        self.cache.as_ref().map(Cache::status)
    }

    /// A token of this partition was revoked here.
    pub(crate) fn forget(&self, partition: Partition) {
        if let Some(cache) = &self.cache {
            cache.forget(partition);
        }
    }

    fn attempt(&self) -> Attempt<'_> {
        Attempt::new("validate", &self.shown, self.options.validate_deadline)
    }

    /// What a use is answered without asking. A peek asks.
    fn known(&self, id: TokenId, demand: &Demand, mode: Mode) -> Option<Verdict> {
        let cache = self.cache.as_ref().filter(|_| mode == Mode::Use)?;
        cache.verdict(id, demand)
    }

    fn grace(&self) -> Duration {
        self.cache.as_ref().map_or(Duration::ZERO, Cache::grace)
    }

    fn sending(&self, id: TokenId, mode: Mode) -> Option<Sending> {
        let cache = self.cache.as_ref().filter(|_| mode == Mode::Use)?;
        Some(cache.sending(id))
    }

    async fn ask_one(
        &self,
        attempt: Attempt<'_>,
        question: &Question,
        demand: &Demand,
    ) -> Result<Verdict, StoreError> {
        let id = question.id();
        let call = question::call(question, &self.options.namespace, self.grace());
        let sending = self.sending(id, question.mode());
        let slot = Namespace::slot(id.partition());
        let answered = self.shared.call_until(slot, &call, attempt.until()).await;
        let answer = attempt.read(answered.map_err(|_| attempt.out_of_time())?)?;
        self.verdict(attempt, id, demand, sending, &answer)
    }

    /// Asks about the tokens at these places with one call.
    async fn ask(
        &self,
        tokens: &[(ParsedToken, Demand)],
        places: Vec<usize>,
        mode: Mode,
    ) -> Vec<(usize, Result<Verdict, StoreError>)> {
        let attempt = self.attempt();
        let uses: Vec<_> = places.iter().filter_map(|&place| tokens.get(place)).collect();
        let questions: Vec<_> =
            uses.iter().map(|(token, demand)| Question::new(token.id(), demand, mode)).collect();
        let Some(slot) = questions.first().map(|first| Namespace::slot(first.id().partition())) else {
            return Vec::new();
        };
        let sendings: Vec<_> = questions.iter().map(|question| self.sending(question.id(), mode)).collect();
        let call = question::call_many(&questions, &self.options.namespace, mode, self.grace());
        let value = attempt.redis(self.shared.call(slot, &call)).await;
        let answers = value
            .and_then(|value| Answer::read_all(value, uses.len()).ok_or_else(|| attempt.not_understood()));
        let verdicts: Vec<_> = match answers {
            Ok(answers) => zip(zip(uses, sendings), answers)
                .map(|(((token, demand), sending), answer)| {
                    self.verdict(attempt, token.id(), demand, sending, &answer)
                })
                .collect(),
            Err(error) => vec![Err(error); uses.len()],
        };
        zip(places, verdicts).collect()
    }

    fn verdict(
        &self,
        attempt: Attempt<'_>,
        id: TokenId,
        demand: &Demand,
        sending: Option<Sending>,
        answer: &Answer,
    ) -> Result<Verdict, StoreError> {
        match answer.split() {
            (b"active", [Value::BulkString(record), Value::Int(dies_at), left @ ..]) => {
                let verdict = self.decode(id, record)?.verdict(id, answer::time(*dies_at), demand);
                if let (Some(cache), Some(sending), Some(grant), [Value::Int(left)]) =
                    (&self.cache, sending, verdict.grant(), left)
                {
                    // The server's time is cut to milliseconds: up to one more has passed.
                    let left = u64::try_from(left.saturating_sub(1)).unwrap_or(0);
                    cache.keep(sending, grant, Duration::from_millis(left));
                }
                Ok(verdict)
            }
            // The record says why it was refused. Where it does not, its time was up before its key was gone.
            (b"refused", [Value::BulkString(record)]) => {
                Ok(Verdict::Inactive(self.decode(id, record)?.refusal(demand).unwrap_or(Reason::Unknown)))
            }
            (b"unknown", []) => Ok(Verdict::Inactive(Reason::Unknown)),
            _ => Err(attempt.not_understood()),
        }
    }

    fn decode(&self, id: TokenId, record: &[u8]) -> Result<Record, StoreError> {
        Record::decode(id, record, &self.keys).map_err(|error| StoreError::corrupt(id, error))
    }
}
