//! Validates one token, or several with one call, at the servers.

use std::collections::BTreeMap;
use std::hash::BuildHasherDefault;
use std::iter::zip;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use redis::{RedisResult, Value};
use token_core::spi::{Partition, Place};
use token_core::{Mode, StoreError, TokenId};
use tokio::time::error::Elapsed;

use super::batcher::BatchExecutor;
use super::batches::MOST;
use super::calls::{Calls, OneCall, is_half_moved};
use super::reply::{self, ValidateReply};
use super::request::{self, IdHasher, ValidateRequest};
use super::without_writing::WithoutWriting;
use crate::connection::{SharedConnections, TopologyKind};
use crate::keys::Namespace;
use crate::operation_context::OperationContext;
use crate::options::Options;
use crate::script::{Call, is_without_disk};

/// Validates over the connections that all validations of a runtime share.
pub(super) struct Validator {
    names: Namespace,
    /// The name of the store in messages.
    shown: String,
    cluster: bool,
    deadline: Duration,
    /// How long a cache may repeat an answer.
    grace: Duration,
    shared: Arc<SharedConnections>,
    without_writing: Arc<WithoutWriting>,
}

type Replied = Result<ValidateReply, StoreError>;

impl Validator {
    pub(super) fn new(options: &Options, grace: Duration, shared: Arc<SharedConnections>) -> Self {
        Self {
            names: options.namespace.clone(),
            shown: shared.url().to_string(),
            cluster: shared.url().kind == TopologyKind::Cluster,
            deadline: options.validate_deadline,
            grace,
            shared,
            without_writing: Arc::default(),
        }
    }

    /// A validator of the same store over other connections.
    pub(super) fn with_connections(&self, shared: Arc<SharedConnections>) -> Self {
        let (names, shown) = (self.names.clone(), self.shown.clone());
        Self { shared, names, shown, without_writing: self.without_writing.clone(), ..*self }
    }

    pub(super) fn attempt(&self) -> OperationContext<'_> {
        OperationContext::new("validate", &self.shown, self.cluster, self.deadline)
    }

    /// The place that the seal of a token's record is bound to.
    pub(super) fn place(&self, id: TokenId) -> Place<'_> {
        self.names.place(id)
    }

    /// How long a request may take.
    pub(super) fn deadline(&self) -> Duration {
        self.deadline
    }

    /// The batch key of a token: one call can validate tokens with the same key. In a cluster, that is one primary's tokens.
    pub(super) fn batch_key(&self, partition: Partition) -> usize {
        if self.cluster { self.shared.batch_key(Namespace::slot(partition)) } else { 0 }
    }

    /// Validates one token.
    pub(super) async fn one(&self, attempt: OperationContext<'_>, request: &ValidateRequest) -> Replied {
        let call = self.call_about(&[request], request.mode());
        let answered = self.send(slot(request), &call, attempt).await;
        let replies = reply::read(attempt.ended(answered)?, 1).and_then(|mut replies| replies.pop());
        replies.ok_or_else(|| attempt.not_understood())
    }

    /// Validates several tokens of one batch key, in one mode: with one call, or in a cluster with one call for each partition,
    /// sent together.
    pub(super) async fn many(&self, requests: &[ValidateRequest], mode: Mode) -> Vec<Replied> {
        let attempt = self.attempt();
        let groups = self.groups(requests);
        if groups.len() < 2 {
            let requests: Vec<_> = requests.iter().collect();
            return self.group(attempt, &requests, mode).await;
        }
        let calls = Calls(groups.values().map(|group| self.call_about(&requests_of(group), mode)).collect());
        let slot = requests.first().map_or(0, slot);
        let answers = match attempt.ended(self.shared.on_primary(slot, &calls, attempt.until()).await) {
            Ok(answers) => answers,
            Err(error) => return requests.iter().map(|_| Err(error.clone())).collect(),
        };
        let settled = zip(groups.values(), answers).map(|(group, answer)| async move {
            let requests = requests_of(group);
            let replies = match answer.ok().and_then(|answer| reply::read(answer, group.len())) {
                Some(replies) => replies.into_iter().map(Ok).collect(),
                // The server does not serve this partition any more, or does not have the script.
                None => self.group(attempt, &requests, mode).await,
            };
            zip(group.iter().map(|&(place, _)| place), replies).collect::<Vec<_>>()
        });
        let mut replies: Vec<_> = join_all(settled).await.into_iter().flatten().collect();
        replies.sort_unstable_by_key(|&(place, _)| place);
        let mut replies = replies.into_iter().map(|(_, reply)| reply).collect::<Vec<_>>();
        replies.resize_with(requests.len(), || Err(attempt.not_understood()));
        replies
    }

    /// The requests that fit one call, with their indices.
    fn groups<'a>(&self, requests: &'a [ValidateRequest]) -> BTreeMap<Option<Partition>, Group<'a>> {
        let mut groups: BTreeMap<_, Group<'a>> = BTreeMap::new();
        for (place, request) in requests.iter().enumerate() {
            let partition = self.cluster.then(|| request.id().partition());
            groups.entry(partition).or_default().push((place, request));
        }
        groups
    }

    /// Validates several tokens with one call.
    async fn group(
        &self,
        attempt: OperationContext<'_>,
        requests: &[&ValidateRequest],
        mode: Mode,
    ) -> Vec<Replied> {
        let Some(&first) = requests.first() else { return Vec::new() };
        let call = self.call_about(requests, mode);
        let answered = self.send(slot(first), &call, attempt).await;
        if let Ok(Err(error)) = &answered
            && is_half_moved(error, &call)
        {
            return join_all(requests.iter().map(|request| self.one(attempt, request))).await;
        }
        let read = |value| reply::read(value, requests.len()).ok_or_else(|| attempt.not_understood());
        match attempt.ended(answered).and_then(read) {
            Ok(replies) => replies.into_iter().map(Ok).collect(),
            Err(error) => requests.iter().map(|_| Err(error.clone())).collect(),
        }
    }

    fn call_about(&self, requests: &[&ValidateRequest], mode: Mode) -> Call {
        request::call(requests, &self.names, mode, self.grace)
    }

    /// Makes the call; if the server cannot write to its disk, repeats it without writing.
    async fn send(
        &self,
        slot: u16,
        call: &Call,
        attempt: OperationContext<'_>,
    ) -> Result<RedisResult<Value>, Elapsed> {
        let answered = self.shared.on_primary(slot, &OneCall(call), attempt.until()).await;
        match answered {
            Ok(Err(error)) if is_without_disk(&error) => {
                Ok(self.without_writing.call(&self.shared, slot, call, attempt.until()).await.ok_or(error))
            }
            answered => answered,
        }
    }
}

type Group<'a> = Vec<(usize, &'a ValidateRequest)>;

fn requests_of<'a>(group: &Group<'a>) -> Vec<&'a ValidateRequest> {
    group.iter().map(|&(_, request)| request).collect()
}

fn slot(request: &ValidateRequest) -> u16 {
    Namespace::slot(request.id().partition())
}

impl BatchExecutor for Validator {
    type Key = usize;
    type Request = ValidateRequest;
    type Hasher = BuildHasherDefault<IdHasher>;
    type Reply = Replied;
    const MOST: usize = MOST;

    /// There are few peeks, so each has its own call.
    async fn execute(&self, _: usize, requests: Vec<ValidateRequest>) -> Vec<Replied> {
        self.many(&requests, Mode::Use).await
    }
}
