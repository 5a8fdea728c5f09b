//! Asks the store: about one token, or about several with one call.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use redis::{RedisResult, Value};
use token_core::spi::Partition;
use token_core::{Mode, StoreError};
use tokio::time::error::Elapsed;

use super::batches::MOST;
use super::found::{self, Found};
use super::gathering::Asked;
use super::question::{self, Question};
use super::without_writing::WithoutWriting;
use crate::attempt::Attempt;
use crate::connect::{Shape, Shared, Target, is_half_moved};
use crate::keys::Namespace;
use crate::options::Options;
use crate::scripts::Call;

/// Asks over the connection that all validations share.
pub(crate) struct Asker {
    names: Namespace,
    /// The store, as it is shown to people.
    shown: String,
    cluster: bool,
    deadline: Duration,
    /// How long an answer may be given again.
    grace: Duration,
    shared: Arc<Shared>,
    without_writing: Arc<WithoutWriting>,
}

impl Asker {
    pub(super) fn new(target: &Target, options: &Options, grace: Duration, shared: Arc<Shared>) -> Self {
        Self {
            names: options.namespace.clone(),
            shown: target.to_string(),
            cluster: target.shape == Shape::Cluster,
            deadline: options.validate_deadline,
            grace,
            shared,
            without_writing: Arc::default(),
        }
    }

    /// Asks the same store over another connection.
    pub(super) fn over(&self, shared: Arc<Shared>) -> Self {
        let (names, shown) = (self.names.clone(), self.shown.clone());
        Self { shared, names, shown, without_writing: self.without_writing.clone(), ..*self }
    }

    pub(super) fn attempt(&self) -> Attempt<'_> {
        Attempt::new("validate", &self.shown, self.cluster, self.deadline)
    }

    /// Whether tokens of two partitions cannot be asked about together.
    pub(super) fn is_cluster(&self) -> bool {
        self.cluster
    }

    /// How long a question may take.
    pub(super) fn deadline(&self) -> Duration {
        self.deadline
    }

    /// Tokens of one lane can be asked about together: in a cluster, those of one partition.
    pub(super) fn lane(&self, partition: Partition) -> Option<Partition> {
        self.cluster.then_some(partition)
    }

    /// Asks about one token.
    pub(super) async fn one(&self, attempt: Attempt<'_>, question: &Question) -> Result<Found, StoreError> {
        let call = question::call(std::slice::from_ref(question), &self.names, question.mode(), self.grace);
        let answered = self.call(slot(question), &call, attempt).await;
        let found = found::read(attempt.ended(answered)?, 1).and_then(|mut found| found.pop());
        found.ok_or_else(|| attempt.not_understood())
    }

    /// Asks about several tokens of one lane, in one mode.
    pub(super) async fn many(&self, questions: &[Question], mode: Mode) -> Vec<Result<Found, StoreError>> {
        let attempt = self.attempt();
        let Some(first) = questions.first() else { return Vec::new() };
        let call = question::call(questions, &self.names, mode, self.grace);
        let answered = self.call(slot(first), &call, attempt).await;
        if let Ok(Err(error)) = &answered
            && is_half_moved(error, &call)
        {
            return join_all(questions.iter().map(|question| self.one(attempt, question))).await;
        }
        let value = attempt.ended(answered);
        let found = |value| found::read(value, questions.len()).ok_or_else(|| attempt.not_understood());
        match value.and_then(found) {
            Ok(found) => found.into_iter().map(Ok).collect(),
            Err(error) => questions.iter().map(|_| Err(error.clone())).collect(),
        }
    }
}

impl Asker {
    /// Calls; where the server cannot write to its disk, once more without writing.
    async fn call(
        &self,
        slot: u16,
        call: &Call,
        attempt: Attempt<'_>,
    ) -> Result<RedisResult<Value>, Elapsed> {
        let answered = self.shared.call_until(slot, call, attempt.until()).await;
        match answered {
            Ok(Err(error)) if error.code() == Some("MISCONF") => {
                Ok(self.without_writing.call(&self.shared, slot, call, attempt.until()).await.ok_or(error))
            }
            answered => answered,
        }
    }
}

fn slot(question: &Question) -> u16 {
    Namespace::slot(question.id().partition())
}

impl Asked for Asker {
    type Lane = Option<Partition>;
    type Question = Question;
    type Answer = Result<Found, StoreError>;
    const MOST: usize = MOST;

    /// Peeks are few, and asked alone.
    async fn together(
        &self,
        _: Option<Partition>,
        questions: Vec<Question>,
    ) -> Vec<Result<Found, StoreError>> {
        self.many(&questions, Mode::Use).await
    }
}
