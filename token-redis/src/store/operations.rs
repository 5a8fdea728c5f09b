//! Calls of scripts by the operations of a store.

use redis::{RedisResult, Value};
use token_core::spi::{Partition, Record, RecordError, SubjectHash};
use token_core::{Committed, Grant, StoreError, Timestamp, TokenId};

use super::RedisStore;
use crate::cache::LocalCache;
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

    /// The grant of a live token; `None` if its hard expiry has passed. Scripts return 0 for a record that is not a string,
    /// and a negative end for a key without a TTL.
    pub(super) fn grant(
        &self,
        id: TokenId,
        record: &Value,
        dies_at: i64,
        now: Timestamp,
    ) -> Result<Option<Grant>, RecordError> {
        let Value::BulkString(record) = record else { return Err(RecordError::Type) };
        let record = Record::decode(self.options.namespace.place(id), record, &self.keys)?;
        let kept = (dies_at >= 0).then(|| answer::time(dies_at));
        let end = record.deadlines().corrected(kept, now, LocalCache::LONGEST);
        Ok(record.shown(id, end, now))
    }

    /// Called when this node has revoked a token of the partition.
    pub(super) fn forget(&self, partition: Partition) {
        if let Some(cache) = &self.cache {
            cache.forget(partition);
        }
    }

    /// Calls a script at the primary of a partition. If the primary cannot write to its disk, calls a script that only reads
    /// again without write access.
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

    /// The reply of the call without write access; `None` if the call has to write, or the primary may have been replaced.
    async fn without_writing(&self, attempt: OperationContext<'_>, slot: u16, call: &Call) -> Option<Value> {
        let asking = async {
            let call = call.without_writing(self.shared.listed_replicas(slot).await.ok()?)?;
            self.shared.once(slot, &call).await.ok()
        };
        tokio::time::timeout_at(attempt.until(), asking).await.ok().flatten()
    }

    /// Calls a script that writes, and waits for the confirmation of its writes.
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
        let look = ReadMembers { index: &index, partition: subject.partition, tidies };
        let slot = Namespace::slot(subject.partition);
        match self.pools.on_primary(slot, &look, attempt.until()).await {
            Ok(Err(error)) if is_of_another_type(&error) => {
                Err(attempt.of_another_type(INDEX, &index).caused_by(error))
            }
            looked => attempt.ended(looked),
        }
    }
}

/// The index of a subject, in errors.
pub(super) const INDEX: &str = "the index of this user's tokens";

/// The members of an index.
pub(super) struct Members {
    /// The ids of tokens of its partition.
    pub(super) ids: Vec<TokenId>,
    /// All others. Another program wrote them.
    pub(super) others: Vec<Vec<u8>>,
}

/// Reads the members of an index. A member that is not a token id of the partition would make every script over all members
/// find the index changed: with `tidies`, it is removed.
struct ReadMembers<'a> {
    index: &'a str,
    partition: Partition,
    tidies: bool,
}

impl Operation<DedicatedConnection> for ReadMembers<'_> {
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
