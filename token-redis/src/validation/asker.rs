//! Asks the store: about one token, or about several with one call.

use std::sync::Arc;
use std::time::Duration;

use token_core::{Mode, Partition, StoreError};

use super::batches::MOST;
use super::found::{self, Found};
use super::gathering::Asked;
use super::question::{self, Question};
use crate::attempt::Attempt;
use crate::connect::{Shape, Shared, Target};
use crate::keys::Namespace;
use crate::options::Options;

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
        }
    }

    /// Asks the same store over another connection.
    pub(super) fn over(&self, shared: Arc<Shared>) -> Self {
        Self { shared, names: self.names.clone(), shown: self.shown.clone(), ..*self }
    }

    pub(super) fn attempt(&self) -> Attempt<'_> {
        Attempt::new("validate", &self.shown, self.deadline)
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
        let answered = self.shared.call_until(slot(question), &call, attempt.until()).await;
        let found = found::read(attempt.ended(answered)?, 1).and_then(|mut found| found.pop());
        found.ok_or_else(|| attempt.not_understood())
    }

    /// Asks about several tokens of one lane, in one mode.
    pub(super) async fn many(&self, questions: &[Question], mode: Mode) -> Vec<Result<Found, StoreError>> {
        let attempt = self.attempt();
        let Some(first) = questions.first() else { return Vec::new() };
        let call = question::call(questions, &self.names, mode, self.grace);
        let value = attempt.ended(self.shared.call_until(slot(first), &call, attempt.until()).await);
        let found = |value| found::read(value, questions.len()).ok_or_else(|| attempt.not_understood());
        match value.and_then(found) {
            Ok(found) => found.into_iter().map(Ok).collect(),
            Err(error) => questions.iter().map(|_| Err(error.clone())).collect(),
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
