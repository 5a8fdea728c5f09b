//! Group commit: changes that are requested at the same time become one transaction.
//!
//! A thread that submits a change adds it to the queue. If no thread is writing, it becomes the writer: it takes all waiting
//! changes, commits them as one transaction, sends the answers, and continues until no change waits. All other threads return
//! at once. So a single change costs only its transaction, and many changes share one.

use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::Connection;
use tokio::sync::oneshot;

use crate::database::Durability;
use crate::error::Failure;
use crate::transitions::Transitions;

/// The maximum number of changes in a transaction, because the answer to each waits for all of them.
const AT_ONCE: usize = 256;

/// Receives the result of a change.
pub(crate) type Answer<T> = oneshot::Sender<Result<T, Failure>>;

/// A change to write and then to answer.
pub(crate) trait QueuedChange: Send {
    /// The durability that it needs before the answer.
    fn durability(&self) -> Durability;

    /// Makes the change inside a transaction, and keeps the answer. It may be called again after a rollback.
    fn apply(&mut self, store: &Transitions, db: &Connection) -> Result<(), Failure>;

    /// Sends the answer that `apply` has kept, or the error if the change was not made.
    fn answer(self: Box<Self>, done: Result<(), Failure>);
}

/// The waiting changes.
#[derive(Default)]
pub(crate) struct Queue(Mutex<Waiting>);

#[derive(Default)]
struct Waiting {
    changes: Vec<Box<dyn QueuedChange>>,
    /// Whether a thread is writing, which will take them.
    writing: bool,
}

impl std::fmt::Debug for Queue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Queue").finish_non_exhaustive()
    }
}

impl Queue {
    /// How many changes wait and have not been taken by a thread.
    #[cfg(test)]
    pub(crate) fn waiting(&self) -> usize {
        self.lock().changes.len()
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds changes. Returns a guard if the calling thread has to write.
    fn add(&self, changes: impl IntoIterator<Item = Box<dyn QueuedChange>>) -> Option<Writing<'_>> {
        let mut waiting = self.lock();
        waiting.changes.extend(changes);
        let idle = !std::mem::replace(&mut waiting.writing, true);
        // Made only if needed: dropping the guard would end the duty of another thread.
        idle.then(|| Writing { queue: self, over: false })
    }
}

/// The duty to write all waiting changes.
struct Writing<'a> {
    queue: &'a Queue,
    over: bool,
}

impl Writing<'_> {
    /// Takes the waiting changes. If there are none, the duty is over.
    fn next(&mut self) -> Option<Vec<Box<dyn QueuedChange>>> {
        let mut waiting = self.queue.lock();
        let count = waiting.changes.len().min(AT_ONCE);
        if count == 0 {
            // Under the lock, so that the next change that is added finds no thread writing.
            waiting.writing = false;
            self.over = true;
            return None;
        }
        Some(waiting.changes.drain(..count).collect())
    }
}

/// If a thread panics, the next one takes over the duty. The waiting changes are dropped, and their callers get an error.
impl Drop for Writing<'_> {
    fn drop(&mut self) {
        if !self.over {
            let mut waiting = self.queue.lock();
            waiting.writing = false;
            let left = std::mem::take(&mut waiting.changes);
            drop(waiting);
            drop(left);
        }
    }
}

impl Transitions {
    /// Submits changes to be written and answered.
    pub(crate) fn submit(&self, changes: impl IntoIterator<Item = Box<dyn QueuedChange>>) {
        let Some(mut writing) = self.queue.add(changes) else { return };
        while let Some(batch) = writing.next() {
            self.write(batch);
        }
    }

    /// Writes changes as one transaction. If there is no room for all of them, each gets its own transaction, and the changes
    /// that must be on the disk come first.
    fn write(&self, mut batch: Vec<Box<dyn QueuedChange>>) {
        let failure = match self.commit(&mut batch) {
            Ok(outcomes) => {
                batch.into_iter().zip(outcomes).for_each(|(change, done)| change.answer(done));
                return;
            }
            Err(failure) => failure,
        };
        if batch.len() > 1 && failure.is_full() {
            batch.sort_by_key(|change| std::cmp::Reverse(change.durability()));
            batch.into_iter().for_each(|change| self.write(vec![change]));
        } else {
            batch.into_iter().for_each(|change| change.answer(Err(failure.clone())));
        }
    }

    /// Commits one transaction with all changes that succeed; returns the errors of the others.
    fn commit(&self, batch: &mut [Box<dyn QueuedChange>]) -> Result<Vec<Result<(), Failure>>, Failure> {
        let durability = batch.iter().map(|change| change.durability()).max().unwrap_or(Durability::Disk);
        let together = batch.len() > 1;
        self.database.write(durability, |db| {
            let mut outcomes = Vec::with_capacity(batch.len());
            for change in batch {
                let done = apply(change.as_mut(), together, self, db);
                match done {
                    // The transaction contains nothing else, or SQLite has rolled all of it back.
                    Err(failure) if !together || db.is_autocommit() => return Err(failure),
                    done => outcomes.push(done),
                }
            }
            Ok(outcomes)
        })
    }
}

/// Applies a change so that its failure does not undo the others in the transaction.
fn apply(
    change: &mut dyn QueuedChange,
    together: bool,
    store: &Transitions,
    db: &Connection,
) -> Result<(), Failure> {
    // A renewal is a single statement, which fails as a whole.
    if !together || change.durability() == Durability::Seen {
        return change.apply(store, db);
    }
    db.prepare_cached("SAVEPOINT change")?.execute(())?;
    let done = change.apply(store, db);
    if done.is_err() && !db.is_autocommit() {
        db.prepare_cached("ROLLBACK TO change")?.execute(())?;
    }
    if !db.is_autocommit() {
        db.prepare_cached("RELEASE change")?.execute(())?;
    }
    done
}

/// A change as a function.
pub(crate) struct Pending<T, W> {
    pub(crate) durability: Durability,
    pub(crate) work: W,
    pub(crate) answer: Answer<T>,
    kept: Option<T>,
}

impl<T, W> Pending<T, W>
where
    T: Send + 'static,
    W: FnMut(&Transitions, &Connection) -> Result<T, Failure> + Send + 'static,
{
    pub(crate) fn new(durability: Durability, answer: Answer<T>, work: W) -> Box<Self> {
        Box::new(Self { durability, work, answer, kept: None })
    }
}

impl<T, W> QueuedChange for Pending<T, W>
where
    T: Send + 'static,
    W: FnMut(&Transitions, &Connection) -> Result<T, Failure> + Send + 'static,
{
    fn durability(&self) -> Durability {
        self.durability
    }

    fn apply(&mut self, store: &Transitions, db: &Connection) -> Result<(), Failure> {
        self.kept = Some((self.work)(store, db)?);
        Ok(())
    }

    fn answer(self: Box<Self>, done: Result<(), Failure>) {
        let Self { kept, answer, .. } = *self;
        let answered = match (done, kept) {
            (Ok(()), Some(kept)) => Ok(kept),
            (Err(failure), _) => Err(failure),
            // The change was never applied. The caller gets no answer, which it reports as an error.
            (Ok(()), None) => return,
        };
        // Its caller may have gone away.
        let _ = answer.send(answered);
    }
}
