//! How the operations of a store call scripts.

use redis::{RedisResult, Value};
use token_core::spi::{Partition, Record, RecordError, SubjectHash};
use token_core::{Committed, Grant, StoreError, TokenId};

use super::RedisStore;
use crate::confirm::Confirmed;
use crate::connection::{DedicatedConnection, Operation, Primary, TopologyKind};
use crate::keys::Namespace;
use crate::operation_context::OperationContext;
use crate::options::Options;
use crate::script::answer::{self, Answer};
use crate::script::{Call, is_of_another_type, is_without_disk};

impl RedisStore {
    pub(super) fn attempt(&self, doing: &'static str) -> OperationContext<'_> {
        OperationContext::new(
            doing,
            &self.target,
            self.shared.url().kind == TopologyKind::Cluster,
            self.options.deadline,
        )
    }

    /// The grant of a live token. Scripts give 0 for a record that is no string.
    pub(super) fn grant(&self, id: TokenId, record: &Value, dies_at: i64) -> Result<Grant, RecordError> {
        let Value::BulkString(record) = record else { return Err(RecordError::Type) };
        Ok(Record::decode(self.options.namespace.place(id), record, &self.keys)?
            .into_grant(id, answer::time(dies_at)))
    }

    /// A token of this partition was revoked here.
    pub(super) fn forget(&self, partition: Partition) {
        if let Some(cache) = &self.cache {
            cache.forget(partition);
        }
    }

    /// Calls a script at the primary of a partition; where that cannot write to its disk, a script that reads once more
    /// without the right to write.
    pub(super) async fn call(
        &self,
        attempt: OperationContext<'_>,
        partition: Partition,
        call: &Call,
    ) -> Result<Answer, StoreError> {
        let slot = Namespace::slot(partition);
        let answered = self.pools.on_primary(slot, call, attempt.until()).await;
        attempt.answer(match answered {
            Ok(Err(error)) if is_without_disk(&error) => {
                Ok(self.without_writing(attempt, slot, call).await.ok_or(error))
            }
            answered => answered,
        })
    }

    /// What the call answers without writing; `None` for a call that has to write, and where the primary may have been
    /// replaced.
    async fn without_writing(&self, attempt: OperationContext<'_>, slot: u16, call: &Call) -> Option<Value> {
        let asking = async {
            let call = call.without_writing(self.shared.listed_replicas(slot).await.ok()?)?;
            self.shared.once(slot, &call).await.ok()
        };
        tokio::time::timeout_at(attempt.until(), asking).await.ok().flatten()
    }

    /// Calls a script that writes, and waits for the confirmation of what it wrote.
    pub(super) async fn change(
        &self,
        attempt: OperationContext<'_>,
        partition: Partition,
        call: &Call,
    ) -> Result<Committed<Answer>, StoreError> {
        let Options { confirm: level, confirm_timeout: patience, .. } = self.options;
        let work = Confirmed { call, level, patience };
        let slot = Namespace::slot(partition);
        let done = self.pools.on_primary(slot, &work, attempt.until()).await;
        let (value, confirmation) = attempt.ended(done)?;
        let outcome = Answer::read(value).ok_or_else(|| attempt.not_understood())?;
        Ok(Committed { outcome, confirmation })
    }

    /// The ids in a subject's index, for a change. What is no id of the subject leaves the index: see [`Look`].
    pub(super) async fn members(
        &self,
        attempt: OperationContext<'_>,
        subject: SubjectHash,
    ) -> Result<Vec<TokenId>, StoreError> {
        Ok(self.look_at_index(attempt, subject, true).await?.ids)
    }

    /// The members of a subject's index, for a listing. It changes nothing.
    pub(super) async fn members_untouched(
        &self,
        attempt: OperationContext<'_>,
        subject: SubjectHash,
    ) -> Result<Members, StoreError> {
        self.look_at_index(attempt, subject, false).await
    }

    async fn look_at_index(
        &self,
        attempt: OperationContext<'_>,
        subject: SubjectHash,
        tidies: bool,
    ) -> Result<Members, StoreError> {
        let index = self.options.namespace.index(subject);
        let look = Look { index: &index, partition: subject.partition, tidies };
        let slot = Namespace::slot(subject.partition);
        match self.pools.on_primary(slot, &look, attempt.until()).await {
            Ok(Err(error)) if is_of_another_type(&error) => {
                Err(attempt.of_another_type(INDEX, &index).caused_by(error))
            }
            looked => attempt.ended(looked),
        }
    }
}

/// What the index of a subject is called in errors.
pub(super) const INDEX: &str = "the index of this user's tokens";

/// The members of an index.
pub(super) struct Members {
    /// The ids of tokens of its partition.
    pub(super) ids: Vec<TokenId>,
    /// All others: they were not written by us and name no token of the subject.
    pub(super) others: Vec<Vec<u8>>,
}

/// A look at the members of an index. What is no token id of its partition would keep every script over all members from
/// finding the index unchanged: a look that tidies takes it out.
struct Look<'a> {
    index: &'a str,
    partition: Partition,
    tidies: bool,
}

impl Operation<DedicatedConnection> for Look<'_> {
    type Output = Members;

    async fn perform(&self, own: &mut DedicatedConnection, _: &Primary) -> RedisResult<Members> {
        let members: Vec<Vec<u8>> =
            redis::cmd("ZRANGE").arg(self.index).arg(0).arg(-1).query_async(own).await?;
        let mut seen = Members { ids: Vec::with_capacity(members.len()), others: Vec::new() };
        for member in members {
            match answer::id_of(&member) {
                Some(id) if id.partition() == self.partition => seen.ids.push(id),
                _ => seen.others.push(member),
            }
        }
        if self.tidies && !seen.others.is_empty() {
            tracing::warn!(index = self.index, "took something out of an index that is no token id");
            redis::cmd("ZREM").arg(self.index).arg(&seen.others).query_async::<()>(own).await?;
        }
        Ok(seen)
    }
}
