//! The hot path: from a parsed token to a verdict.
//!
//! What the local cache knows is answered at once. The rest is asked, over the connection that all validations share:
//! identical questions share a call ([`Flights`]), and so do different ones where many ask at a time ([`Gathering`]) or
//! one asks many ([`batches`]).

mod asker;
mod batches;
mod flights;
pub(crate) mod found;
mod gathering;
pub(crate) mod question;
mod without_writing;

use std::hash::BuildHasherDefault;
use std::iter::zip;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream;
use token_core::spi::{Partition, Record, RecordError, Validating};
use token_core::{KeyRing, Mode, ParsedToken, Reason, Requirement, StoreError, TokenId, Verdict};
use tokio::runtime::{Handle, RuntimeFlavor};

use self::asker::Asker;
use self::batches::{AT_ONCE, batches};
use self::flights::Flights;
use self::found::Found;
use self::gathering::Gathering;
use self::question::{IdHasher, Question};
use crate::answer;
use crate::cache::{Cache, CacheStatus, Sending};
use crate::connect::{Shared, Target};
use crate::options::Options;

/// How many calls are under way before questions are gathered: both ends have one to work at.
const FEW: usize = 2;
/// The same where one thread does all the work, for which a task that gathers costs less than a call.
const NONE: usize = 0;

/// Answers whether tokens count.
pub(crate) struct Validation {
    keys: Arc<KeyRing>,
    cache: Option<Arc<Cache>>,
    flights: Flights<Question, Result<Verdict, StoreError>, BuildHasherDefault<IdHasher>>,
    gathering: Arc<Gathering<Asker>>,
}

impl Validation {
    pub(crate) fn new(
        keys: Arc<KeyRing>,
        options: &Options,
        target: Arc<Target>,
        shared: Arc<Shared>,
    ) -> Self {
        let cache = options.local_cache.map(|settings| Cache::open(settings, target.clone(), options));
        let grace = cache.as_ref().map_or(Duration::ZERO, Cache::grace);
        let cache = cache.map(Arc::new);
        let asker = Asker::new(&target, options, grace, shared);
        Self { keys, cache, flights: Flights::new(), gathering: Gathering::new(asker, FEW) }
    }

    /// Answers by what the same cache knows, and asks over another connection, on this runtime.
    pub(crate) fn over(&self, shared: Arc<Shared>) -> Self {
        let asker = self.asker().over(shared);
        let one_thread = Handle::current().runtime_flavor() == RuntimeFlavor::CurrentThread;
        // Among the partitions of a cluster there are hardly ever two questions that could share a call.
        let few = if one_thread && !asker.is_cluster() { NONE } else { FEW };
        let gathering = Gathering::new(asker, few);
        Self { keys: self.keys.clone(), cache: self.cache.clone(), flights: Flights::new(), gathering }
    }

    /// One verdict, for at most one command.
    pub(crate) fn one<'a>(
        &'a self,
        token: ParsedToken,
        requirement: &'a Requirement,
        mode: Mode,
    ) -> Validating<'a> {
        let id = token.id();
        if self.cache.is_none() {
            return Box::pin(self.find_out(id, requirement, mode));
        }
        Box::pin(async move {
            match self.known(id, requirement, mode) {
                Some(verdict) => Ok(verdict),
                // In a box: what is known should not have to carry about all that asking takes.
                None => Box::pin(self.find_out(id, requirement, mode)).await,
            }
        })
    }

    /// Asks, together with whoever asks the same.
    async fn find_out(
        &self,
        id: TokenId,
        requirement: &Requirement,
        mode: Mode,
    ) -> Result<Verdict, StoreError> {
        let attempt = self.asker().attempt();
        let question = Question::new(id, requirement, mode);
        let ask = async || {
            // Whoever had to wait for another's call may find its answer here.
            match self.known(id, requirement, mode) {
                Some(verdict) => Ok(verdict),
                None => self.ask_one(&question, requirement).await,
            }
        };
        let shared = self.flights.share(&question, attempt.until(), ask).await;
        shared.map_err(|_| attempt.out_of_time())?
    }

    /// A verdict each.
    pub(crate) async fn many(
        &self,
        tokens: &[(ParsedToken, Requirement)],
        mode: Mode,
    ) -> Vec<Result<Verdict, StoreError>> {
        let mut verdicts: Vec<_> = tokens
            .iter()
            .map(|(token, requirement)| self.known(token.id(), requirement, mode).map(Ok))
            .collect();
        let unknown = tokens.iter().enumerate().zip(&verdicts).filter(|(_, verdict)| verdict.is_none());
        let unknown = unknown.map(|((place, (token, _)), _)| (place, token.id().partition()));
        let batches = batches(unknown, |partition| self.asker().lane(partition));
        let asking = batches.into_iter().map(|places| self.ask(tokens, places, mode));
        let mut answered = stream::iter(asking).buffer_unordered(AT_ONCE);
        while let Some(answers) = answered.next().await {
            for (place, answer) in answers {
                if let Some(verdict) = verdicts.get_mut(place) {
                    *verdict = Some(answer);
                }
            }
        }
        let missing = || Err(self.asker().attempt().not_understood());
        verdicts.into_iter().map(|verdict| verdict.unwrap_or_else(missing)).collect()
    }

    /// How the local cache is doing, where there is one.
    pub(crate) fn cache_status(&self) -> Option<CacheStatus> {
        self.cache.as_deref().map(Cache::status)
    }

    /// A token of this partition was revoked here.
    pub(crate) fn forget(&self, partition: Partition) {
        if let Some(cache) = &self.cache {
            cache.forget(partition);
        }
    }

    fn asker(&self) -> &Asker {
        self.gathering.asked()
    }

    /// What a use is answered without asking. A peek asks.
    fn known(&self, id: TokenId, requirement: &Requirement, mode: Mode) -> Option<Verdict> {
        let cache = self.cache.as_ref().filter(|_| mode == Mode::Use)?;
        cache.verdict(id, requirement)
    }

    fn sending(&self, id: TokenId, mode: Mode) -> Option<Sending> {
        let cache = self.cache.as_ref().filter(|_| mode == Mode::Use)?;
        Some(cache.sending(id))
    }

    /// By a deadline of its own: others share what it finds, and wait for it by theirs.
    async fn ask_one(&self, question: &Question, requirement: &Requirement) -> Result<Verdict, StoreError> {
        let (id, asker) = (question.id(), self.asker());
        let (attempt, sending) = (asker.attempt(), self.sending(id, question.mode()));
        let alone = async || asker.one(attempt, question).await;
        let found = match question.mode() {
            Mode::Use => {
                let lane = asker.lane(id.partition());
                let asked =
                    self.gathering.ask(lane, question, asker.deadline(), attempt.until(), alone).await;
                asked.map_err(|_| attempt.out_of_time())?
            }
            // Few peek.
            Mode::Peek => alone().await,
        };
        self.verdict(id, requirement, sending, found?)
    }

    /// Asks about the tokens at these places with one call.
    async fn ask(
        &self,
        tokens: &[(ParsedToken, Requirement)],
        places: Vec<usize>,
        mode: Mode,
    ) -> Vec<(usize, Result<Verdict, StoreError>)> {
        let uses: Vec<_> = places.iter().filter_map(|&place| tokens.get(place)).collect();
        let questions: Vec<_> =
            uses.iter().map(|(token, requirement)| Question::new(token.id(), requirement, mode)).collect();
        let sendings: Vec<_> = questions.iter().map(|question| self.sending(question.id(), mode)).collect();
        let found = self.asker().many(&questions, mode).await;
        let verdicts = zip(zip(uses, sendings), found).map(|(((token, requirement), sending), found)| {
            self.verdict(token.id(), requirement, sending, found?)
        });
        zip(places, verdicts).collect()
    }

    fn verdict(
        &self,
        id: TokenId,
        requirement: &Requirement,
        sending: Option<Sending>,
        found: Found,
    ) -> Result<Verdict, StoreError> {
        match found {
            Found::Active { record, dies_at, left } => {
                let verdict = self.decode(id, &record)?.verdict(id, answer::time(dies_at), requirement);
                if let (Some(cache), Some(sending), Verdict::Active(grant), Some(left)) =
                    (&self.cache, sending, &verdict, left)
                {
                    // The server's time is cut to milliseconds: up to one more has passed.
                    let left = u64::try_from(left.saturating_sub(1)).unwrap_or(0);
                    cache.keep(sending, grant, Duration::from_millis(left));
                }
                Ok(verdict)
            }
            // The record says why it was refused. Where it does not, its time was up before its key was gone.
            Found::Refused(record) => Ok(Verdict::Inactive(
                self.decode(id, &record)?.refusal(requirement).unwrap_or(Reason::NoSuchToken),
            )),
            Found::Unknown => Ok(Verdict::Inactive(Reason::NoSuchToken)),
            Found::Unreadable => Err(StoreError::corrupt(id, RecordError::Type)),
        }
    }

    fn decode(&self, id: TokenId, record: &[u8]) -> Result<Record, StoreError> {
        Record::decode(id, record, &self.keys).map_err(|error| StoreError::corrupt(id, error))
    }
}
