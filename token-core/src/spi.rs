//! For authors of stores: the contract of a [`TokenStore`], the records that it keeps, and the executable specification.
//!
//! Services that use tokens need [`TokenStore`] as a bound, and a store for their
//! [`TokenService`](crate::TokenService); [`MemoryStore`] is one for tests.

pub use crate::idempotency::IdempotencyEntry;
pub use crate::key_check::CheckValue;
pub use crate::memory::MemoryStore;
pub use crate::partition::{PARTITIONS, Partition, SubjectHash};
pub use crate::record::{Decision, Place, Record, RecordError, layout};
pub use crate::store::{TokenStore, Validating};
pub use crate::timestamp::{Clock, HOUSEKEEPING_LAG, ManualClock, SystemClock};
pub use crate::token::TokenFormat;
pub use crate::tombstone::TombstoneError;
