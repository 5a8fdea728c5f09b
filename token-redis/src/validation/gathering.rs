//! Questions that are asked while several calls are under way wait for one of them to end, and are asked together.
//!
//! A call costs the server, the connection and the caller several times as much as one more question in it does. While few
//! ask at a time, nobody waits; the more there are, the more of them share a call, and the sooner all are answered.
//!
//! Nobody works for others in the background: when a call has ended, the first of those who wait makes the next one, and
//! answers the others. One who does not get on with it (a future that is not polled) holds the others up for a quarter of
//! their time at most: then the first whose patience ends begins anew, as if nothing were under way.

use std::collections::{BTreeMap, VecDeque};
use std::iter::zip;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::error::Elapsed;
use tokio::time::{Instant, timeout_at};

/// How many calls of a lane are under way before questions wait: so many that both ends have one to work at. More of them
/// make smaller calls, fewer make questions wait longer.
const CALLS: usize = 3;

/// Where questions are asked.
pub(super) trait Asked: Send + Sync + 'static {
    /// Questions of one lane can be asked together.
    type Lane: Copy + Ord + Send;
    type Question: Clone + Send;
    type Answer: Send;
    /// The most questions in one call.
    const MOST: usize;

    /// Answers to all of them by one call, in order.
    fn together(
        &self,
        lane: Self::Lane,
        questions: Vec<Self::Question>,
    ) -> impl Future<Output = Vec<Self::Answer>> + Send;
}

/// Gathers questions.
pub(super) struct Gathering<T: Asked> {
    asked: T,
    lanes: Mutex<Lanes<T>>,
}

struct Lanes<T: Asked> {
    by: BTreeMap<T::Lane, Lane<T>>,
    /// How many beginnings there were.
    beginnings: u64,
}

/// What is under way, and who waits for the end of it.
struct Lane<T: Asked> {
    /// Calls of an earlier beginning do not count.
    beginning: u64,
    calls: usize,
    waiting: VecDeque<Waiting<T>>,
}

struct Waiting<T: Asked> {
    question: T::Question,
    asker: oneshot::Sender<Told<T>>,
}

/// What one who waits is told.
enum Told<T: Asked> {
    Answer(T::Answer),
    Lead(Lead<T>),
}

/// What waiting has come to.
enum Waited<T: Asked> {
    Answer(T::Answer),
    Lead(Lead<T>),
    Alone(Option<Turn<T>>),
}

/// To make a call for oneself and for others.
struct Lead<T: Asked> {
    turn: Turn<T>,
    question: T::Question,
    others: Vec<Waiting<T>>,
}

enum Boarded<T: Asked> {
    Alone(Turn<T>),
    Waiting(Seat<T>),
}

/// A place among those who wait.
struct Seat<T: Asked> {
    lane: T::Lane,
    beginning: u64,
    told: oneshot::Receiver<Told<T>>,
}

impl<T: Asked> Gathering<T> {
    pub(super) fn new(asked: T) -> Arc<Self> {
        Arc::new(Self { asked, lanes: Mutex::new(Lanes { by: BTreeMap::new(), beginnings: 0 }) })
    }

    pub(super) fn asked(&self) -> &T {
        &self.asked
    }

    /// The answer to this question, by a call that begins after it was asked: that of `alone`, or one for several.
    ///
    /// # Errors
    /// It had to wait, and `time` was over, which ends at `until`. A call of its own is not bounded here.
    pub(super) async fn ask(
        self: &Arc<Self>,
        lane: T::Lane,
        question: &T::Question,
        time: Duration,
        until: Instant,
        alone: impl AsyncFnOnce() -> T::Answer,
    ) -> Result<T::Answer, Elapsed> {
        let seat = match self.board(lane, question) {
            Boarded::Alone(_turn) => return Ok(alone().await),
            Boarded::Waiting(seat) => seat,
        };
        // What few have to do is in a box: it is large, and would be moved about with everybody.
        let _turn = match self.wait(seat, [until - time * 3 / 4, until - time / 4]).await {
            Waited::Answer(answer) => return Ok(answer),
            Waited::Lead(lead) => match Box::pin(timeout_at(until, lead.call())).await? {
                Some(answer) => return Ok(answer),
                None => None,
            },
            Waited::Alone(turn) => turn,
        };
        Box::pin(timeout_at(until, alone())).await
    }

    fn board(self: &Arc<Self>, lane: T::Lane, question: &T::Question) -> Boarded<T> {
        let mut lanes = self.lanes();
        let Lane { beginning, calls, waiting } = lanes.at(lane);
        if *calls < CALLS {
            *calls += 1;
            return Boarded::Alone(Turn { gathering: self.clone(), lane, beginning: *beginning });
        }
        let (asker, told) = oneshot::channel();
        waiting.push_back(Waiting { question: question.clone(), asker });
        Boarded::Waiting(Seat { lane, beginning: *beginning, told })
    }

    /// Waits for an answer or a turn. At the first of the moments it may begin anew, at the last one it asks without a turn.
    async fn wait(self: &Arc<Self>, mut seat: Seat<T>, moments: [Instant; 2]) -> Waited<T> {
        for moment in moments {
            match timeout_at(moment, &mut seat.told).await {
                Ok(Ok(Told::Answer(answer))) => return Waited::Answer(answer),
                Ok(Ok(Told::Lead(lead))) => return Waited::Lead(lead),
                // Whoever was to ask was given up.
                Ok(Err(_)) => return Waited::Alone(None),
                Err(_) => {
                    if let Some(turn) = self.begin_anew(&seat) {
                        return Waited::Alone(Some(turn));
                    }
                }
            }
        }
        Waited::Alone(None)
    }

    /// Unless another one has, since this one waits.
    fn begin_anew(self: &Arc<Self>, seat: &Seat<T>) -> Option<Turn<T>> {
        let mut lanes = self.lanes();
        lanes.by.get(&seat.lane).filter(|lane| lane.beginning == seat.beginning)?;
        let next = lanes.next_beginning();
        let lane = lanes.at(seat.lane);
        (lane.beginning, lane.calls) = (next, 1);
        Some(Turn { gathering: self.clone(), lane: seat.lane, beginning: next })
    }

    fn lanes(&self) -> MutexGuard<'_, Lanes<T>> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Asked> Lanes<T> {
    fn at(&mut self, lane: T::Lane) -> &mut Lane<T> {
        let beginnings = &mut self.beginnings;
        self.by.entry(lane).or_insert_with(|| {
            *beginnings += 1;
            Lane { beginning: *beginnings, calls: 0, waiting: VecDeque::new() }
        })
    }

    fn next_beginning(&mut self) -> u64 {
        self.beginnings += 1;
        self.beginnings
    }

    /// Who is next in a lane; when nobody waits, a call has ended.
    fn next(&mut self, lane: T::Lane, beginning: u64) -> Vec<Waiting<T>> {
        let mut next = Vec::new();
        let Some(found) = self.by.get_mut(&lane).filter(|lane| lane.beginning == beginning) else {
            return next;
        };
        while next.len() < T::MOST
            && let Some(one) = found.waiting.pop_front()
        {
            if !one.asker.is_closed() {
                next.push(one);
            }
        }
        if next.is_empty() {
            found.calls -= 1;
            if found.calls == 0 {
                self.by.remove(&lane);
            }
        }
        next
    }
}

/// The right to a call, which passes to those who wait when it is dropped.
struct Turn<T: Asked> {
    gathering: Arc<Gathering<T>>,
    lane: T::Lane,
    beginning: u64,
}

impl<T: Asked> Drop for Turn<T> {
    fn drop(&mut self) {
        let Self { gathering, lane, beginning } = self;
        let mut others = gathering.lanes().next(*lane, *beginning).into_iter();
        let Some(Waiting { question, asker }) = others.next() else { return };
        let turn = Self { gathering: gathering.clone(), lane: *lane, beginning: *beginning };
        // When that one has just left, the turn is dropped with the message, and passes on again.
        drop(asker.send(Told::Lead(Lead { turn, question, others: others.collect() })));
    }
}

impl<T: Asked> Lead<T> {
    /// Answers the others, and this one.
    async fn call(self) -> Option<T::Answer> {
        let Self { turn, question, others } = self;
        let mut questions = Vec::with_capacity(others.len() + 1);
        questions.push(question);
        let mut askers = Vec::with_capacity(others.len());
        for Waiting { question, asker } in others {
            questions.push(question);
            askers.push(asker);
        }
        let mut answers = turn.gathering.asked.together(turn.lane, questions).await.into_iter();
        let own = answers.next();
        for (asker, answer) in zip(askers, answers) {
            // Whoever is not there any more has asked alone, or was given up.
            drop(asker.send(Told::Answer(answer)));
        }
        // Those who ask again at once are in the next call.
        tokio::task::yield_now().await;
        own
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures_util::FutureExt;
    use tokio::sync::Semaphore;
    use tokio::task::JoinHandle;

    /// Answers questions with the number of the call that asked them, once it may.
    struct Server {
        calls: AtomicUsize,
        may: Semaphore,
    }

    impl Server {
        async fn call(&self) -> usize {
            let number = self.calls.fetch_add(1, Ordering::SeqCst) + 1;
            self.may.acquire().await.unwrap().forget();
            number
        }
    }

    impl Asked for Server {
        type Lane = u8;
        type Question = usize;
        type Answer = (usize, usize);
        const MOST: usize = 10;

        async fn together(&self, _: u8, questions: Vec<usize>) -> Vec<(usize, usize)> {
            let number = self.call().await;
            questions.into_iter().map(|question| (question, number)).collect()
        }
    }

    const TIME: Duration = Duration::from_secs(4);

    type Answers = JoinHandle<(usize, usize)>;

    fn server() -> Arc<Gathering<Server>> {
        Gathering::new(Server { calls: AtomicUsize::new(0), may: Semaphore::new(0) })
    }

    fn ask(gathering: &Arc<Gathering<Server>>, lane: u8, question: usize) -> Answers {
        let gathering = gathering.clone();
        tokio::spawn(async move {
            let alone = async || (question, gathering.asked().call().await);
            gathering.ask(lane, &question, TIME, Instant::now() + TIME, alone).await.unwrap()
        })
    }

    /// As many calls as may be under way, none of which ends.
    async fn hold_up(gathering: &Arc<Gathering<Server>>) -> Vec<Answers> {
        let held_up = (0..CALLS).map(|question| ask(gathering, 0, question)).collect();
        settle().await;
        held_up
    }

    async fn settle() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }

    fn calls(gathering: &Gathering<Server>) -> usize {
        gathering.asked().calls.load(Ordering::SeqCst)
    }

    fn idle(gathering: &Gathering<Server>) -> bool {
        gathering.lanes().by.is_empty()
    }

    #[tokio::test(start_paused = true)]
    async fn few_questions_wait_for_nobody() {
        let server = server();
        let asked: Vec<_> = (0..CALLS).map(|question| ask(&server, 0, question)).collect();
        settle().await;
        assert_eq!(calls(&server), CALLS);
        server.asked().may.add_permits(CALLS);
        for (question, asked) in asked.into_iter().enumerate() {
            assert_eq!(asked.await.unwrap().0, question);
        }
        assert!(idle(&server), "nothing is kept of calls that have ended");
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_asks_while_enough_calls_are_under_way_shares_the_next_one() {
        let server = server();
        let asked: Vec<_> = (0..CALLS + 7).map(|question| ask(&server, 0, question)).collect();
        settle().await;
        assert_eq!(calls(&server), CALLS, "the others wait");
        server.asked().may.add_permits(CALLS + 1);
        for (question, asked) in asked.into_iter().enumerate() {
            let (answered, call) = asked.await.unwrap();
            assert_eq!(answered, question, "each gets its own answer");
            assert_eq!(call, (question + 1).min(CALLS + 1));
        }
        settle().await;
        assert!(idle(&server));
    }

    #[tokio::test(start_paused = true)]
    async fn no_call_asks_too_much() {
        let server = server();
        let asked: Vec<_> = (0..CALLS + 25).map(|question| ask(&server, 0, question)).collect();
        settle().await;
        server.asked().may.add_permits(100);
        for asked in asked {
            asked.await.unwrap();
        }
        assert_eq!(calls(&server), CALLS + 3, "ten, ten and five");
    }

    #[tokio::test(start_paused = true)]
    async fn lanes_do_not_wait_for_each_other() {
        let server = server();
        let held_up: Vec<_> = (0..CALLS).map(|question| ask(&server, 0, question)).collect();
        let other = ask(&server, 1, 7);
        settle().await;
        assert_eq!(calls(&server), CALLS + 1);
        server.asked().may.add_permits(CALLS + 1);
        assert_eq!(other.await.unwrap().0, 7);
        for held_up in held_up {
            held_up.await.unwrap();
        }
    }

    #[tokio::test(start_paused = true)]
    async fn calls_that_do_not_end_hold_one_up_for_a_quarter_of_its_time_and_others_not_at_all() {
        let server = server();
        let held_up = hold_up(&server).await;
        let (first, second) = (ask(&server, 0, 98), ask(&server, 0, 99));
        tokio::time::sleep(TIME / 4 - Duration::from_millis(2)).await;
        assert_eq!(calls(&server), CALLS);
        tokio::time::sleep(Duration::from_millis(4)).await;
        assert_eq!(calls(&server), CALLS + 1, "one begins anew");
        let later = ask(&server, 0, 100);
        settle().await;
        assert_eq!(calls(&server), CALLS + 2, "whoever comes now does not wait");
        server.asked().may.add_permits(100);
        let began = Instant::now();
        for (question, asked) in [(98, first), (99, second), (100, later)] {
            assert_eq!(asked.await.unwrap().0, question);
        }
        for asked in held_up {
            asked.await.unwrap();
        }
        assert!(began.elapsed() < Duration::from_millis(10), "the turn of the first is passed on");
        assert!(idle(&server));
    }

    #[tokio::test(start_paused = true)]
    async fn one_who_does_not_get_on_with_its_turn_does_not_stop_the_others() {
        let server = server();
        let held_up = hold_up(&server).await;
        let alone = async || (7, server.asked().call().await);
        let mut leads = Box::pin(server.ask(0, &7, TIME, Instant::now() + TIME, alone));
        assert!((&mut leads).now_or_never().is_none());
        let other = ask(&server, 0, 8);
        settle().await;
        server.asked().may.add_permits(CALLS);
        for asked in held_up {
            asked.await.unwrap();
        }
        // The turn is with one that nobody polls.
        server.asked().may.add_permits(100);
        let began = Instant::now();
        assert_eq!(other.await.unwrap().0, 8);
        assert!(began.elapsed() <= TIME / 4, "it begins anew");
        assert_eq!(leads.await.unwrap().0, 7);
        settle().await;
        assert!(idle(&server));
    }

    #[tokio::test(start_paused = true)]
    async fn callers_that_are_given_up_hold_nobody_up() {
        let server = server();
        let first: Vec<_> = (0..CALLS).map(|question| ask(&server, 0, question)).collect();
        settle().await;
        let (second, third) = (ask(&server, 0, 98), ask(&server, 0, 99));
        settle().await;
        second.abort();
        first.iter().for_each(Answers::abort);
        settle().await;
        assert_eq!(calls(&server), CALLS + 1, "a call of those that wait");
        server.asked().may.add_permits(1);
        assert_eq!(third.await.unwrap(), (99, CALLS + 1));
        settle().await;
        assert!(idle(&server));
    }

    #[test]
    fn a_call_that_ends_with_its_runtime_is_made_by_another_who_waits() {
        let server = server();
        let (one, other) = (runtime(), runtime());
        one.block_on(async {
            let _first: Vec<_> = (0..CALLS).map(|question| ask(&server, 0, question)).collect();
            settle().await;
        });
        let waiting = {
            let _entered = other.enter();
            ask(&server, 0, 7)
        };
        other.block_on(settle());
        drop(one);
        server.asked().may.add_permits(100);
        other.block_on(async {
            let began = Instant::now();
            assert_eq!(waiting.await.unwrap().0, 7);
            assert!(began.elapsed() < Duration::from_millis(10));
        });
        assert!(idle(&server));
    }

    fn runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap()
    }
}
