//! Identical questions that are asked at the same time share one call.
//!
//! No answer may be older than its question: between the sending of a call and a later question, the token may have been
//! revoked, and the revocation acknowledged. So whoever asks while a call is under way does not share that one but the
//! next, which is sent when that one has ended. However many ask the same, one call is under way for them, and at most
//! one more waits.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{BuildHasher, Hash};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OnceCell, Semaphore, SemaphorePermit};
use tokio::time::error::Elapsed;
use tokio::time::{Instant, timeout_at};

/// So many locks that callers on different cores seldom meet.
const SHARDS: usize = 64;

/// The questions for which a call is under way.
pub(crate) struct Flights<Q, A, H> {
    shards: [Mutex<Shard<Q, A, H>>; SHARDS],
    hasher: H,
}

/// By question: the flight that newcomers share, once there is one.
type Shard<Q, A, H> = HashMap<Q, Option<Arc<Flight<A>>>, H>;

/// A call that waits for its turn, or is under way, for all who share it.
struct Flight<A> {
    answer: OnceCell<A>,
    /// Given when the call before it has ended.
    turn: Semaphore,
    departed: AtomicBool,
}

impl<Q: Hash + Eq + Clone, A: Clone, H: BuildHasher + Default> Flights<Q, A, H> {
    pub(crate) fn new() -> Self {
        Self { shards: std::array::from_fn(|_| Mutex::default()), hasher: H::default() }
    }

    /// The answer of a call that begins after this was asked: of this `call`, or that of another caller with the same
    /// question. Where that one is given up meanwhile, this one takes its place.
    ///
    /// # Errors
    /// The deadline, while it had to wait for another caller's call. A call of its own is not bounded here.
    pub(crate) async fn share<F: Future<Output = A>>(
        &self,
        question: &Q,
        until: Instant,
        call: impl FnOnce() -> F,
    ) -> Result<A, Elapsed> {
        match self.board(question) {
            Boarded::First(_turn) => Ok(call().await),
            // In a box: seldom needed, and as large as the call itself.
            Boarded::Other(seat) => Box::pin(timeout_at(until, seat.wait(call))).await,
        }
    }

    fn board<'a>(&'a self, question: &'a Q) -> Boarded<'a, Q, A, H> {
        let mut shard = self.shard(question);
        match shard.entry(question.clone()) {
            Entry::Vacant(free) => {
                free.insert(None);
                Boarded::First(Turn { flights: self, question })
            }
            Entry::Occupied(mut taken) => {
                let flight = taken.get_mut().get_or_insert_with(|| Arc::new(Flight::waiting())).clone();
                Boarded::Other(Seat { flights: self, question, flight: Some(flight) })
            }
        }
    }

    /// A call has ended: whoever waits is next.
    fn next(&self, question: &Q) {
        let mut shard = self.shard(question);
        // Seats are taken and given up under this lock alone.
        if let Some(Some(flight)) = shard.remove(question)
            && Arc::strong_count(&flight) > 1
        {
            shard.insert(question.clone(), None);
            flight.turn.add_permits(1);
        }
    }

    fn shard(&self, question: &Q) -> MutexGuard<'_, Shard<Q, A, H>> {
        let number = self.hasher.hash_one(question) as usize % SHARDS;
        #[expect(clippy::indexing_slicing, reason = "a remainder of SHARDS")]
        self.shards[number].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<A> Flight<A> {
    fn waiting() -> Self {
        Self { answer: OnceCell::new(), turn: Semaphore::new(0), departed: AtomicBool::new(false) }
    }
}

enum Boarded<'a, Q: Hash + Eq + Clone, A: Clone, H: BuildHasher + Default> {
    /// Nobody's call is under way.
    First(Turn<'a, Q, A, H>),
    Other(Seat<'a, Q, A, H>),
}

/// The right to call, until it is dropped.
struct Turn<'a, Q: Hash + Eq + Clone, A: Clone, H: BuildHasher + Default> {
    flights: &'a Flights<Q, A, H>,
    question: &'a Q,
}

impl<Q: Hash + Eq + Clone, A: Clone, H: BuildHasher + Default> Drop for Turn<'_, Q, A, H> {
    fn drop(&mut self) {
        self.flights.next(self.question);
    }
}

/// A place on a flight. Given up when dropped.
struct Seat<'a, Q: Hash + Eq + Clone, A: Clone, H: BuildHasher + Default> {
    flights: &'a Flights<Q, A, H>,
    question: &'a Q,
    /// Gone when the seat is given up.
    flight: Option<Arc<Flight<A>>>,
}

impl<'a, Q: Hash + Eq + Clone, A: Clone, H: BuildHasher + Default> Seat<'a, Q, A, H> {
    async fn wait<F: Future<Output = A>>(&self, call: impl FnOnce() -> F) -> A {
        let Some(flight) = &self.flight else { return call().await };
        let fly = || async {
            // Whoever had the turn may have been given up in the middle of the call: then nobody gives it again.
            let departed = flight.departed.load(Ordering::Acquire);
            let _turn = if departed { None } else { Some(self.turn(flight).await) };
            call().await
        };
        flight.answer.get_or_init(fly).await.clone()
    }

    async fn turn(&self, flight: &Flight<A>) -> Turn<'a, Q, A, H> {
        // Nobody closes it.
        if let Ok(given) = flight.turn.acquire().await {
            given.forget();
        }
        flight.departed.store(true, Ordering::Release);
        Turn { flights: self.flights, question: self.question }
    }
}

/// The last to leave a flight that has its turn, and has not departed, gives it to the next.
impl<Q: Hash + Eq + Clone, A: Clone, H: BuildHasher + Default> Drop for Seat<'_, Q, A, H> {
    fn drop(&mut self) {
        let shard = self.flights.shard(self.question);
        let Some(flight) = self.flight.take() else { return };
        let last = Arc::strong_count(&flight) == 1;
        let unused = last && flight.turn.try_acquire().map(SemaphorePermit::forget).is_ok();
        drop(flight);
        drop(shard);
        if unused {
            self.flights.next(self.question);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::hash::RandomState;
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
        flights: &Arc<Flights<u8, usize, RandomState>>,
        server: &Arc<Server>,
        question: u8,
    ) -> tokio::task::JoinHandle<usize> {
        let (flights, server) = (flights.clone(), server.clone());
        tokio::spawn(async move {
            flights
                .share(&question, Instant::now() + Duration::from_secs(3600), || server.call())
                .await
                .unwrap()
        })
    }

    async fn settle() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }

    fn idle(flights: &Flights<u8, usize, RandomState>) -> bool {
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

    #[tokio::test(start_paused = true)]
    async fn when_all_who_wait_are_given_up_newcomers_are_not_held_up() {
        let (flights, server) = (Arc::new(Flights::new()), Arc::default());
        let first = ask(&flights, &server, 1);
        settle().await;
        let waiting = ask(&flights, &server, 1);
        settle().await;
        // One after the other and both at once: the turn is never lost.
        waiting.abort();
        first.abort();
        settle().await;
        assert!(idle(&flights), "nothing is kept");
        let (first, waiting) = (ask(&flights, &server, 1), ask(&flights, &server, 1));
        settle().await;
        server.go.notify_one();
        first.await.unwrap();
        waiting.abort();
        settle().await;
        assert!(idle(&flights), "nothing is kept");
    }
}
