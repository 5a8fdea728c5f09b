//! Group commit: changes that are asked for at the same time become one transaction.
//!
//! A thread that submits a change puts it into the queue. If no thread is writing, it does so itself: it takes all that
//! waits, commits that as one transaction, sends the answers, and goes on until nothing waits. All other threads return at
//! once. So a change that comes alone costs nothing more than its transaction, and many share one.

use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::Connection;
use tokio::sync::oneshot;

use crate::database::Durability;
use crate::error::Failure;
use crate::transitions::Transitions;

/// How many changes share a transaction at most: the last of them waits for all.
const AT_ONCE: usize = 256;

/// Receives what came of a change.
pub(crate) type Answer<T> = oneshot::Sender<Result<T, Failure>>;

/// Something that is to be written, and to be answered afterwards.
pub(crate) trait QueuedChange: Send {
    /// When it may be answered.
    fn durability(&self) -> Durability;

    /// Does it inside a transaction, and keeps the answer. It may be called again, after a rollback.
    fn apply(&mut self, store: &Transitions, db: &Connection) -> Result<(), Failure>;

    /// Answers what `apply` has kept, or that it was not done.
    fn answer(self: Box<Self>, done: Result<(), Failure>);
}

/// The changes that wait.
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
    /// How many changes wait that no thread has taken yet.
    #[cfg(test)]
    pub(crate) fn waiting(&self) -> usize {
        self.lock().changes.len()
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds changes. The guard is for the thread that has to write now.
    fn add(&self, changes: impl IntoIterator<Item = Box<dyn QueuedChange>>) -> Option<Writing<'_>> {
        let mut waiting = self.lock();
        waiting.changes.extend(changes);
        let idle = !std::mem::replace(&mut waiting.writing, true);
        // Not made unless it is needed: dropping it ends what another thread does.
        idle.then(|| Writing { queue: self, over: false })
    }
}

/// The duty to write all that waits.
struct Writing<'a> {
    queue: &'a Queue,
    over: bool,
}

impl Writing<'_> {
    /// What waits now. Without anything, the duty is over.
    fn next(&mut self) -> Option<Vec<Box<dyn QueuedChange>>> {
        let mut waiting = self.queue.lock();
        let count = waiting.changes.len().min(AT_ONCE);
        if count == 0 {
            // While it is locked: a change that is added from now on finds no thread writing.
            waiting.writing = false;
            self.over = true;
            return None;
        }
        Some(waiting.changes.drain(..count).collect())
    }
}

/// A thread that panics leaves the duty to the next one. What waits is dropped, which its callers see.
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
    /// Sees to it that changes are written and answered.
    pub(crate) fn submit(&self, changes: impl IntoIterator<Item = Box<dyn QueuedChange>>) {
        let Some(mut writing) = self.queue.add(changes) else { return };
        while let Some(batch) = writing.next() {
            self.write(batch);
        }
    }

    /// Writes changes as one transaction. If there is no room for all of them, each gets one of its own: those first
    /// that must not be lost.
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

    /// One transaction with all changes that succeed; what the others failed with.
    fn commit(&self, batch: &mut [Box<dyn QueuedChange>]) -> Result<Vec<Result<(), Failure>>, Failure> {
        let durability = batch.iter().map(|change| change.durability()).max().unwrap_or(Durability::Disk);
        let together = batch.len() > 1;
        self.database.write(durability, |db| {
            let mut outcomes = Vec::with_capacity(batch.len());
            for change in batch {
                let done = apply(change.as_mut(), together, self, db);
                match done {
                    // Nothing else is in the transaction, or SQLite has rolled back all of it.
                    Err(failure) if !together || db.is_autocommit() => return Err(failure),
                    done => outcomes.push(done),
                }
            }
            Ok(outcomes)
        })
    }
}

/// Applies a change so that its failure undoes nothing of the others in the transaction.
fn apply(
    change: &mut dyn QueuedChange,
    together: bool,
    store: &Transitions,
    db: &Connection,
) -> Result<(), Failure> {
    // A renewal is a single statement, which fails whole.
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
            // It was never applied: without an answer, its caller sees that.
            (Ok(()), None) => return,
        };
        // Its caller may have gone away.
        let _ = answer.send(answered);
    }
}
