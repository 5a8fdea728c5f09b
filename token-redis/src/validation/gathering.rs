//! Questions that are asked while several calls are under way wait for one of them to end, and are asked together.
//!
//! A call costs the server, the connection and the caller several times as much as one more question in it does. While few
//! ask at a time, nobody waits; the more there are, the more of them share a call, and the sooner all are answered.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::iter::zip;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

/// How many calls of a lane are under way before questions wait: so many that both ends have one to work at. More of them
/// make smaller calls, fewer make questions wait longer.
const CALLS: usize = 3;

/// Where questions are asked.
pub(super) trait Asked: Send + Sync + 'static {
    /// Questions of one lane can be asked together.
    type Lane: Copy + Eq + Hash + Send;
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
    lanes: Mutex<HashMap<T::Lane, Lane<T>>>,
}

/// What is under way, and who waits for the end of it.
struct Lane<T: Asked> {
    calls: usize,
    waiting: VecDeque<Waiting<T>>,
}

struct Waiting<T: Asked> {
    question: T::Question,
    asker: oneshot::Sender<T::Answer>,
}

impl<T: Asked> Gathering<T> {
    pub(super) fn new(asked: T) -> Arc<Self> {
        Arc::new(Self { asked, lanes: Mutex::default() })
    }

    pub(super) fn asked(&self) -> &T {
        &self.asked
    }

    /// The answer to this question, by a call that begins after it was asked: that of `alone`, or one for several.
    ///
    /// Whoever has waited until `patience` ends asks alone: the calls of others may be held up where this one is not.
    pub(super) async fn ask(
        self: &Arc<Self>,
        lane: T::Lane,
        question: &T::Question,
        patience: Instant,
        alone: impl Future<Output = T::Answer>,
    ) -> T::Answer {
        let _turn = match self.board(lane, question) {
            Boarded::Alone(turn) => Some(turn),
            Boarded::Waiting(answer) => match timeout_at(patience, answer).await {
                Ok(Ok(answer)) => return answer,
                _ => None,
            },
        };
        alone.await
    }

    fn board(self: &Arc<Self>, lane: T::Lane, question: &T::Question) -> Boarded<'_, T> {
        let mut lanes = self.lanes();
        let Lane { calls, waiting } = lanes.entry(lane).or_default();
        if *calls < CALLS {
            *calls += 1;
            return Boarded::Alone(Turn { gathering: self, lane });
        }
        let (asker, answer) = oneshot::channel();
        waiting.push_back(Waiting { question: question.clone(), asker });
        Boarded::Waiting(answer)
    }

    /// Who is next; when nobody waits, a call has ended.
    fn next(&self, lane: T::Lane) -> Vec<Waiting<T>> {
        let mut lanes = self.lanes();
        let Some(Lane { waiting, .. }) = lanes.get_mut(&lane) else { return Vec::new() };
        let mut next = Vec::new();
        while next.len() < T::MOST
            && let Some(one) = waiting.pop_front()
        {
            if !one.asker.is_closed() {
                next.push(one);
            }
        }
        if next.is_empty() {
            end(&mut lanes, lane);
        }
        next
    }

    fn lanes(&self) -> MutexGuard<'_, HashMap<T::Lane, Lane<T>>> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Asked> Default for Lane<T> {
    fn default() -> Self {
        Self { calls: 0, waiting: VecDeque::new() }
    }
}

enum Boarded<'a, T: Asked> {
    Alone(Turn<'a, T>),
    Waiting(oneshot::Receiver<T::Answer>),
}

/// The right to a call; it passes to those who wait when it is dropped.
struct Turn<'a, T: Asked> {
    gathering: &'a Arc<Gathering<T>>,
    lane: T::Lane,
}

impl<T: Asked> Drop for Turn<'_, T> {
    fn drop(&mut self) {
        let mut lanes = self.gathering.lanes();
        let others = lanes.get(&self.lane).is_some_and(|lane| !lane.waiting.is_empty());
        match Handle::try_current() {
            Ok(runtime) if others => {
                drop(lanes);
                let calls = Calls { gathering: self.gathering.clone(), lane: self.lane, over: false };
                runtime.spawn(calls.make());
            }
            _ => end(&mut lanes, self.lane),
        }
    }
}

/// One of the calls of a lane, made again and again for those who wait.
struct Calls<T: Asked> {
    gathering: Arc<Gathering<T>>,
    lane: T::Lane,
    over: bool,
}

impl<T: Asked> Calls<T> {
    /// Until nobody waits.
    async fn make(mut self) {
        loop {
            let next = self.gathering.next(self.lane);
            if next.is_empty() {
                break;
            }
            let (questions, askers): (_, Vec<_>) =
                next.into_iter().map(|Waiting { question, asker }| (question, asker)).unzip();
            let answers = self.gathering.asked.together(self.lane, questions).await;
            for (asker, answer) in zip(askers, answers) {
                // Whoever is not there any more has asked alone, or was given up.
                let _ = asker.send(answer);
            }
            // Those who ask again at once are in the next call.
            tokio::task::yield_now().await;
        }
        self.over = true;
    }
}

/// It may end with its runtime, in the middle of a call or before the first.
impl<T: Asked> Drop for Calls<T> {
    fn drop(&mut self) {
        if !self.over {
            end(&mut self.gathering.lanes(), self.lane);
        }
    }
}

/// A call has ended. Where it was the last one, whoever waits still asks alone.
fn end<T: Asked>(lanes: &mut HashMap<T::Lane, Lane<T>>, lane: T::Lane) {
    if let Some(ended) = lanes.get_mut(&lane) {
        ended.calls -= 1;
        if ended.calls == 0 {
            lanes.remove(&lane);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

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

    type Answers = JoinHandle<(usize, usize)>;

    fn server() -> Arc<Gathering<Server>> {
        Gathering::new(Server { calls: AtomicUsize::new(0), may: Semaphore::new(0) })
    }

    fn ask(gathering: &Arc<Gathering<Server>>, lane: u8, question: usize) -> Answers {
        let gathering = gathering.clone();
        tokio::spawn(async move {
            let alone = async { (question, gathering.asked().call().await) };
            let patience = Instant::now() + Duration::from_secs(1);
            gathering.ask(lane, &question, patience, alone).await
        })
    }

    async fn settle() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }

    fn calls(gathering: &Gathering<Server>) -> usize {
        gathering.asked().calls.load(Ordering::SeqCst)
    }

    fn idle(gathering: &Gathering<Server>) -> bool {
        gathering.lanes().is_empty()
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
    async fn whoever_has_waited_long_enough_asks_alone() {
        let server = server();
        let asked: Vec<_> = (0..=CALLS).map(|question| ask(&server, 0, question)).collect();
        tokio::time::sleep(Duration::from_millis(999)).await;
        assert_eq!(calls(&server), CALLS);
        tokio::time::sleep(Duration::from_millis(2)).await;
        assert_eq!(calls(&server), CALLS + 1);
        server.asked().may.add_permits(100);
        for asked in asked {
            asked.await.unwrap();
        }
        settle().await;
        assert!(idle(&server));
        assert_eq!(calls(&server), CALLS + 1, "nobody is asked about who does not wait any more");
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
    fn a_call_that_ends_with_its_runtime_leaves_those_who_wait_to_ask_alone() {
        let server = server();
        let (one, other) = (runtime(), runtime());
        let first: Vec<_> = one.block_on(async {
            let first = (0..CALLS).map(|question| ask(&server, 0, question)).collect();
            settle().await;
            first
        });
        let waiting = {
            let _entered = other.enter();
            ask(&server, 0, 7)
        };
        other.block_on(settle());
        drop((first, one));
        other.block_on(async {
            settle().await;
            server.asked().may.add_permits(100);
            assert_eq!(waiting.await.unwrap().0, 7);
        });
        assert!(idle(&server));
    }

    fn runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap()
    }
}
