//! Identical questions that are asked at the same time share one call.
//!
//! No answer may be older than its question: between the sending of a call and a later question, the token may have been
//! revoked, and the revocation acknowledged. So whoever asks while a call is under way does not share that one but the
//! next, which is sent when that one has ended. However many ask the same, one call is under way for them, and at most
//! one more waits.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OnceCell, Semaphore};

/// So many locks that callers on different cores seldom meet.
const SHARDS: usize = 64;

/// The calls that are under way.
pub(crate) struct Flights<Q, A> {
    shards: [Shard<Q, A>; SHARDS],
    hasher: RandomState,
}

type Shard<Q, A> = Mutex<HashMap<Q, Gate<A>>>;

/// Where callers with the same question wait.
struct Gate<A> {
    callers: usize,
    /// Held by whoever's call is under way.
    turn: Arc<Semaphore>,
    /// The call that newcomers share: not sent yet.
    boarding: Option<Arc<OnceCell<A>>>,
}

impl<Q: Hash + Eq + Clone, A: Clone> Flights<Q, A> {
    pub(crate) fn new() -> Self {
        Self { shards: std::array::from_fn(|_| Mutex::default()), hasher: RandomState::new() }
    }

    /// The answer of a call that begins after this one was asked: this `call`, or that of another caller with the same
    /// question. Where that one is given up meanwhile, this one takes its place.
    pub(crate) async fn share<F: Future<Output = A>>(&self, question: Q, call: impl FnOnce() -> F) -> A {
        let seat = self.board(question);
        let fly = || async {
            // Nobody closes it.
            let _turn = seat.turn.acquire().await;
            seat.depart();
            call().await
        };
        seat.flight.get_or_init(fly).await.clone()
    }

    fn board(&self, question: Q) -> Seat<'_, Q, A> {
        let mut shard = self.shard(&question);
        let gate = shard.entry(question.clone()).or_insert_with(|| Gate {
            callers: 0,
            turn: Arc::new(Semaphore::new(1)),
            boarding: None,
        });
        gate.callers += 1;
        let flight = gate.boarding.get_or_insert_default().clone();
        let turn = gate.turn.clone();
        drop(shard);
        Seat { flights: self, question, turn, flight }
    }

    fn shard(&self, question: &Q) -> MutexGuard<'_, HashMap<Q, Gate<A>>> {
        let number = self.hasher.hash_one(question) % SHARDS as u64;
        #[expect(clippy::indexing_slicing, reason = "a remainder of SHARDS")]
        let shard = &self.shards[number as usize];
        shard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A caller's place. Given up when dropped.
struct Seat<'a, Q: Hash + Eq + Clone, A: Clone> {
    flights: &'a Flights<Q, A>,
    question: Q,
    turn: Arc<Semaphore>,
    flight: Arc<OnceCell<A>>,
}

impl<Q: Hash + Eq + Clone, A: Clone> Seat<'_, Q, A> {
    /// From now on newcomers wait for another call.
    fn depart(&self) {
        if let Some(gate) = self.flights.shard(&self.question).get_mut(&self.question)
            && gate.boarding.as_ref().is_some_and(|boarding| Arc::ptr_eq(boarding, &self.flight))
        {
            gate.boarding = None;
        }
    }
}

impl<Q: Hash + Eq + Clone, A: Clone> Drop for Seat<'_, Q, A> {
    fn drop(&mut self) {
        let mut shard = self.flights.shard(&self.question);
        let Some(gate) = shard.get_mut(&self.question) else { return };
        gate.callers -= 1;
        if gate.callers == 0 {
            shard.remove(&self.question);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use tokio::sync::Notify;

    /// Counts its calls; each ends when it is told to, and answers which one it was.
    #[derive(Default)]
    struct Server {
        calls: AtomicUsize,
        go: Notify,
    }

    impl Server {
        async fn call(&self) -> usize {
            let number = self.calls.fetch_add(1, Ordering::SeqCst) + 1;
            self.go.notified().await;
            number
        }
    }

    fn ask(
        flights: &Arc<Flights<u8, usize>>,
        server: &Arc<Server>,
        question: u8,
    ) -> tokio::task::JoinHandle<usize> {
        let (flights, server) = (flights.clone(), server.clone());
        tokio::spawn(async move { flights.share(question, || server.call()).await })
    }

    async fn settle() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }

    fn idle(flights: &Flights<u8, usize>) -> bool {
        flights.shards.iter().all(|shard| shard.lock().unwrap().is_empty())
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_asks_while_a_call_is_under_way_shares_the_next_one() {
        let (flights, server) = (Arc::new(Flights::new()), Arc::default());
        let first = ask(&flights, &server, 1);
        settle().await;
        let others: Vec<_> = (0..999).map(|_| ask(&flights, &server, 1)).collect();
        settle().await;
        assert_eq!(server.calls.load(Ordering::SeqCst), 1, "the others wait");
        server.go.notify_one();
        assert_eq!(first.await.unwrap(), 1);
        settle().await;
        server.go.notify_one();
        for other in others {
            assert_eq!(other.await.unwrap(), 2, "no answer is older than its question");
        }
        assert_eq!(server.calls.load(Ordering::SeqCst), 2);
        assert!(idle(&flights), "nothing is kept of calls that have ended");
    }

    #[tokio::test(start_paused = true)]
    async fn different_questions_do_not_wait_for_each_other() {
        let (flights, server) = (Arc::new(Flights::new()), Arc::default());
        let asked = [ask(&flights, &server, 1), ask(&flights, &server, 2)];
        settle().await;
        assert_eq!(server.calls.load(Ordering::SeqCst), 2);
        server.go.notify_waiters();
        for one in asked {
            one.await.unwrap();
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_caller_that_is_given_up_holds_nobody_up() {
        let (flights, server) = (Arc::new(Flights::new()), Arc::default());
        let first = ask(&flights, &server, 1);
        settle().await;
        let (second, third) = (ask(&flights, &server, 1), ask(&flights, &server, 1));
        settle().await;
        first.abort();
        settle().await;
        assert_eq!(server.calls.load(Ordering::SeqCst), 2, "the second takes its turn");
        second.abort();
        settle().await;
        assert_eq!(server.calls.load(Ordering::SeqCst), 3, "the third calls for itself");
        server.go.notify_one();
        assert_eq!(third.await.unwrap(), 3);
        assert!(idle(&flights));
    }
}
