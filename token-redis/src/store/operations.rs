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
use crate::script::{Call, is_without_disk};

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

    /// The ids in a subject's index.
    pub(super) async fn members(
        &self,
        attempt: OperationContext<'_>,
        subject: SubjectHash,
    ) -> Result<Vec<TokenId>, StoreError> {
        let look = Members { index: self.options.namespace.index(subject), partition: subject.partition };
        let slot = Namespace::slot(subject.partition);
        attempt.ended(self.pools.on_primary(slot, &look, attempt.until()).await)
    }
}

/// Reads the members of an index. A member that is not a token id of the partition was written by another program. It would
/// make every script over all members find the index changed, so it is removed.
struct Members {
    index: String,
    partition: Partition,
}

impl Operation<DedicatedConnection> for Members {
    type Output = Vec<TokenId>;

    async fn perform(&self, own: &mut DedicatedConnection, _: &Primary) -> RedisResult<Vec<TokenId>> {
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
