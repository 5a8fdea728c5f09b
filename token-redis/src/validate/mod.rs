//! The hot path: from a parsed token to a verdict.
//!
//! The local cache answers if it can. Otherwise [`Validator`] asks the servers, over the connections that all validations of a
//! runtime share. Requests share a call if many are made at the same time ([`Batcher`]), or many by one caller ([`batches`]).

mod batcher;
mod batches;
mod calls;
pub(crate) mod reply;
mod request;
mod validator;
mod without_writing;

use std::iter::zip;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream;
use token_core::spi::{Record, RecordError, Validating};
use token_core::{KeyRing, Mode, ParsedToken, Reason, Requirement, StoreError, Timestamp, TokenId, Verdict};
use tokio::runtime::{Handle, RuntimeFlavor};

use self::batcher::Batcher;
use self::batches::{AT_ONCE, batches};
use self::reply::{Refusal, ValidateReply};
use self::request::ValidateRequest;
use self::validator::Validator;
use crate::cache::{Cache, Sending};
use crate::connection::SharedConnections;
use crate::options::Options;

/// How many calls are under way before requests are batched: client and server each have one to work on.
const THRESHOLD: usize = 2;
/// The same for a runtime with one thread, on which the task of a batch costs less than a call.
const THRESHOLD_OF_ONE_THREAD: usize = 0;

/// Validates tokens.
pub(crate) struct Validation {
    keys: Arc<KeyRing>,
    cache: Option<Arc<Cache>>,
    batcher: Arc<Batcher<Validator>>,
}

impl Validation {
    pub(crate) fn new(
        keys: Arc<KeyRing>,
        options: &Options,
        cache: Option<Arc<Cache>>,
        shared: Arc<SharedConnections>,
    ) -> Self {
        let grace = cache.as_deref().map_or(Duration::ZERO, Cache::grace);
        let validator = Validator::new(options, grace, shared);
        Self { keys, cache, batcher: Batcher::new(validator, THRESHOLD) }
    }

    /// A validation for the calling runtime, with the same cache and other connections.
    pub(crate) fn with_connections(&self, shared: Arc<SharedConnections>) -> Self {
        let validator = self.validator().with_connections(shared);
        let one_thread = Handle::current().runtime_flavor() == RuntimeFlavor::CurrentThread;
        let threshold = if one_thread { THRESHOLD_OF_ONE_THREAD } else { THRESHOLD };
        let batcher = Batcher::new(validator, threshold);
        Self { keys: self.keys.clone(), cache: self.cache.clone(), batcher }
    }

    /// Validates one token, with at most one command.
    pub(crate) fn one<'a>(
        &'a self,
        token: ParsedToken,
        requirement: &'a Requirement,
        mode: Mode,
    ) -> Validating<'a> {
        let id = token.id();
        if self.cache.is_none() {
            return Box::pin(self.ask_one(id, requirement, mode));
        }
        Box::pin(async move {
            match self.known(id, requirement, mode) {
                Some(verdict) => Ok(verdict),
                // Boxed: an answer from the cache should not carry the state of a call.
                None => Box::pin(self.ask_one(id, requirement, mode)).await,
            }
        })
    }

    /// Validates several tokens.
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
        let batches = batches(unknown, |partition| self.validator().batch_key(partition));
        let asking = batches.into_iter().map(|places| self.ask(tokens, places, mode));
        let mut answered = stream::iter(asking).buffer_unordered(AT_ONCE);
        while let Some(answers) = answered.next().await {
            for (place, answer) in answers {
                if let Some(verdict) = verdicts.get_mut(place) {
                    *verdict = Some(answer);
                }
            }
        }
        let missing = || Err(self.validator().attempt().not_understood());
        verdicts.into_iter().map(|verdict| verdict.unwrap_or_else(missing)).collect()
    }

    fn validator(&self) -> &Validator {
        self.batcher.executor()
    }

    /// The cache's answer to a use. A peek always asks the server.
    fn known(&self, id: TokenId, requirement: &Requirement, mode: Mode) -> Option<Verdict> {
        let cache = self.cache.as_ref().filter(|_| mode == Mode::Use)?;
        cache.verdict(id, requirement)
    }

    fn sending(&self, id: TokenId, mode: Mode) -> Option<Sending> {
        let cache = self.cache.as_ref().filter(|_| mode == Mode::Use)?;
        Some(cache.sending(id))
    }

    async fn ask_one(
        &self,
        id: TokenId,
        requirement: &Requirement,
        mode: Mode,
    ) -> Result<Verdict, StoreError> {
        let (validator, request) = (self.validator(), ValidateRequest::new(id, requirement, mode));
        let (attempt, sending) = (validator.attempt(), self.sending(id, mode));
        let alone = async || validator.one(attempt, &request).await;
        let reply = match mode {
            Mode::Use => {
                let key = validator.batch_key(id.partition());
                let asked =
                    self.batcher.ask(key, &request, validator.deadline(), attempt.until(), alone).await;
                asked.map_err(|_| attempt.out_of_time())?
            }
            // There are few peeks, so they are not batched.
            Mode::Peek => alone().await,
        };
        self.verdict(id, requirement, sending, reply?)
    }

    /// Validates the tokens at these indices with one call.
    async fn ask(
        &self,
        tokens: &[(ParsedToken, Requirement)],
        places: Vec<usize>,
        mode: Mode,
    ) -> Vec<(usize, Result<Verdict, StoreError>)> {
        let uses: Vec<_> = places.iter().filter_map(|&place| tokens.get(place)).collect();
        let requests: Vec<_> = uses
            .iter()
            .map(|(token, requirement)| ValidateRequest::new(token.id(), requirement, mode))
            .collect();
        let sendings: Vec<_> = requests.iter().map(|request| self.sending(request.id(), mode)).collect();
        let replies = self.validator().many(&requests, mode).await;
        let verdicts = zip(zip(uses, sendings), replies).map(|(((token, requirement), sending), reply)| {
            self.verdict(token.id(), requirement, sending, reply?)
        });
        zip(places, verdicts).collect()
    }

    fn verdict(
        &self,
        id: TokenId,
        requirement: &Requirement,
        sending: Option<Sending>,
        reply: ValidateReply,
    ) -> Result<Verdict, StoreError> {
        match reply {
            ValidateReply::Active { record, dies_at, left } => {
                let ends_at = Timestamp::from_millis(dies_at);
                let verdict = self.decode(id, &record)?.admitted(id, ends_at, requirement);
                if let (Some(cache), Some(sending), Verdict::Active(grant), Some(left)) =
                    (&self.cache, sending, &verdict, left)
                {
                    // The server truncates its time to milliseconds: up to one more has passed.
                    cache.keep(sending, grant, Duration::from_millis(left.saturating_sub(1)));
                }
                Ok(verdict)
            }
            ValidateReply::Unknown => Ok(Verdict::Inactive(Reason::NoSuchToken)),
            ValidateReply::Refused(refusal, record) => {
                // A record that was changed is an error, whatever the script decided.
                self.decode(id, &record)?;
                self.reason(refusal, requirement).map(Verdict::Inactive)
            }
            ValidateReply::WrongType => Err(StoreError::corrupt(id, RecordError::Type)),
        }
    }

    fn reason(&self, refusal: Refusal, requirement: &Requirement) -> Result<Reason, StoreError> {
        let reason = match refusal {
            Refusal::WrongSubject => Some(Reason::WrongSubject),
            Refusal::Ended => Some(Reason::NoSuchToken),
            Refusal::NotPermitted(place) => requirement
                .permissions()
                .get(place)
                .map(|permission| Reason::NotPermitted { missing: permission.scope() }),
            // The script supports fewer formats than this program: they are of different versions.
            Refusal::Unreadable => None,
        };
        reason.ok_or_else(|| self.validator().attempt().not_understood())
    }

    fn decode(&self, id: TokenId, record: &[u8]) -> Result<Record, StoreError> {
        Record::decode(self.validator().place(id), record, &self.keys)
            .map_err(|error| StoreError::corrupt(id, error))
    }
}
