use super::*;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::FutureExt;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

/// Answers each request with the number of its call, once a permit is available.
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

impl BatchExecutor for Server {
    type Key = u8;
    type Request = usize;
    type Hasher = std::hash::RandomState;
    type Reply = (usize, usize);
    const MOST: usize = 10;

    async fn execute(&self, _: u8, questions: Vec<usize>) -> Vec<(usize, usize)> {
        let number = self.call().await;
        questions.into_iter().map(|question| (question, number)).collect()
    }
}

/// How many calls are under way before requests are batched.
const FEW: usize = 2;

const TIME: Duration = Duration::from_secs(4);

type Answers = JoinHandle<(usize, usize)>;

fn server() -> Arc<Batcher<Server>> {
    that_gathers(FEW)
}

fn that_gathers(few: usize) -> Arc<Batcher<Server>> {
    Batcher::new(Server { calls: AtomicUsize::new(0), may: Semaphore::new(0) }, few)
}

fn ask(batcher: &Arc<Batcher<Server>>, key: u8, question: usize) -> Answers {
    let batcher = batcher.clone();
    tokio::spawn(async move {
        let alone = async || (question, batcher.executor().call().await);
        batcher.ask(key, &question, TIME, Instant::now() + TIME, alone).await.unwrap()
    })
}

/// Makes so many requests that further ones are batched; none is answered.
async fn occupy(batcher: &Arc<Batcher<Server>>) -> Vec<Answers> {
    let asked = (0..FEW).map(|question| ask(batcher, 0, question)).collect();
    settle().await;
    asked
}

async fn settle() {
    tokio::time::sleep(Duration::from_millis(1)).await;
}

fn calls(batcher: &Batcher<Server>) -> usize {
    batcher.executor().calls.load(Ordering::SeqCst)
}

fn is_idle(batcher: &Batcher<Server>) -> bool {
    batcher.batches().is_empty()
}

#[tokio::test(start_paused = true)]
async fn requests_below_the_threshold_are_sent_at_once() {
    let server = server();
    let asked = occupy(&server).await;
    assert_eq!(calls(&server), FEW);
    server.executor().may.add_permits(FEW);
    for (question, asked) in asked.into_iter().enumerate() {
        assert_eq!(asked.await.unwrap().0, question);
    }
    assert!(is_idle(&server), "calls that have ended leave no state");
}

#[tokio::test(start_paused = true)]
async fn a_request_among_many_concurrent_ones_shares_a_call_with_them() {
    let server = server();
    let asked: Vec<_> = (0..FEW + 7).map(|question| ask(&server, 0, question)).collect();
    settle().await;
    assert_eq!(calls(&server), FEW + 1, "no request waits for a call to end");
    server.executor().may.add_permits(FEW + 1);
    for (question, asked) in asked.into_iter().enumerate() {
        let (answered, call) = asked.await.unwrap();
        assert_eq!(answered, question, "each gets its own answer");
        assert_eq!(call, (question + 1).min(FEW + 1));
    }
    settle().await;
    assert!(is_idle(&server));
}

#[tokio::test(start_paused = true)]
async fn with_a_threshold_of_zero_the_first_request_shares_a_call_too() {
    let server = that_gathers(0);
    let asked: Vec<_> = (0..7).map(|question| ask(&server, 0, question)).collect();
    settle().await;
    assert_eq!(calls(&server), 1);
    let later = ask(&server, 0, 7);
    settle().await;
    assert_eq!(calls(&server), 2, "it does not wait for the call before it");
    server.executor().may.add_permits(2);
    for (question, asked) in asked.into_iter().enumerate() {
        assert_eq!(asked.await.unwrap(), (question, 1));
    }
    assert_eq!(later.await.unwrap(), (7, 2));
    settle().await;
    assert!(is_idle(&server));
}

#[tokio::test(start_paused = true)]
async fn a_request_that_arrives_during_batching_joins_the_batch() {
    let server = that_gathers(0);
    let first = ask(&server, 0, 0);
    // Each request arrives one yield after the previous one.
    let chain = server.clone();
    let others = tokio::spawn(async move {
        let mut others = Vec::new();
        for question in 1..YIELDS {
            others.push(ask(&chain, 0, question));
            tokio::task::yield_now().await;
        }
        others
    });
    settle().await;
    assert_eq!(calls(&server), 1);
    server.executor().may.add_permits(1);
    assert_eq!(first.await.unwrap(), (0, 1));
    for other in others.await.unwrap() {
        assert_eq!(other.await.unwrap().1, 1);
    }
}

#[tokio::test(start_paused = true)]
async fn requests_are_spread_evenly_over_few_calls() {
    let server = server();
    let asked: Vec<_> = (0..FEW + 22).map(|question| ask(&server, 0, question)).collect();
    settle().await;
    server.executor().may.add_permits(100);
    let mut sizes = [0; FEW + 4];
    for asked in asked {
        let (_, call) = asked.await.unwrap();
        sizes[call] += 1;
    }
    sizes.sort_unstable();
    assert_eq!(sizes, [0, 1, 1, 7, 7, 8]);
}

/// The call of an earlier identical request was sent before the later requests, which must not get its reply.
#[tokio::test(start_paused = true)]
async fn identical_requests_share_a_place_in_the_next_call() {
    let server = server();
    let first = ask(&server, 0, 7);
    settle().await;
    let others: Vec<_> = (0..999).map(|_| ask(&server, 0, 7)).collect();
    settle().await;
    assert_eq!(calls(&server), 2);
    server.executor().may.add_permits(2);
    assert_eq!(first.await.unwrap(), (7, 1));
    for other in others {
        assert_eq!(other.await.unwrap(), (7, 2));
    }
    settle().await;
    assert!(is_idle(&server));
}

#[tokio::test(start_paused = true)]
async fn a_dropped_caller_leaves_its_place_to_the_others() {
    let server = that_gathers(0);
    let (one, other) = (ask(&server, 0, 7), ask(&server, 0, 7));
    tokio::task::yield_now().await;
    one.abort();
    settle().await;
    server.executor().may.add_permits(1);
    assert_eq!(other.await.unwrap(), (7, 1));
    settle().await;
    assert!(is_idle(&server));
}

#[tokio::test(start_paused = true)]
async fn batch_keys_have_separate_thresholds() {
    let server = server();
    let mut asked = occupy(&server).await;
    asked.extend([ask(&server, 1, 7), ask(&server, 1, 8)]);
    settle().await;
    assert_eq!(calls(&server), FEW + 2);
    server.executor().may.add_permits(FEW + 2);
    for asked in asked {
        asked.await.unwrap();
    }
    assert!(is_idle(&server));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_hangs_delays_no_later_request() {
    let server = server();
    let mut asked = occupy(&server).await;
    for later in 1..=5 {
        asked.push(ask(&server, 0, 90 + later));
        settle().await;
        assert_eq!(calls(&server), FEW + later);
    }
    server.executor().may.add_permits(100);
    for asked in asked {
        asked.await.unwrap();
    }
    assert!(is_idle(&server));
}

#[tokio::test(start_paused = true)]
async fn a_dropped_request_is_not_sent() {
    let server = server();
    let first = occupy(&server).await;
    let alone = async || (98, server.executor().call().await);
    let mut given_up = Box::pin(server.ask(0, &98, TIME, Instant::now() + TIME, alone));
    assert!((&mut given_up).now_or_never().is_none());
    drop(given_up);
    settle().await;
    assert_eq!(calls(&server), FEW);
    first.iter().for_each(Answers::abort);
    settle().await;
    assert!(is_idle(&server));
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_request_leaves_the_batch_to_the_others() {
    let server = server();
    let first = occupy(&server).await;
    let (second, third) = (ask(&server, 0, 98), ask(&server, 0, 99));
    settle().await;
    second.abort();
    first.iter().for_each(Answers::abort);
    settle().await;
    server.executor().may.add_permits(1);
    assert_eq!(third.await.unwrap(), (99, FEW + 1));
    settle().await;
    assert!(is_idle(&server));
}

#[test]
fn a_stuck_runtime_delays_others_by_a_quarter_of_their_time() {
    let server = server();
    let (stuck, other) = (runtime(), runtime());
    let held_up = ask_and_stand_still(&stuck, &server);
    assert_eq!(calls(&server), FEW);
    other.block_on(async {
        let waiting = ask(&server, 0, 99);
        server.executor().may.add_permits(100);
        let began = Instant::now();
        assert_eq!(waiting.await.unwrap().0, 99);
        let waited = began.elapsed();
        assert!(waited >= TIME / 4 && waited < TIME / 4 + Duration::from_millis(10), "{waited:?}");
    });
    for asked in held_up {
        stuck.block_on(asked).unwrap();
    }
    assert!(is_idle(&server));
}

#[test]
fn a_call_of_a_stuck_runtime_is_repeated_before_the_deadline() {
    let server = server();
    let (stuck, other) = (runtime(), runtime());
    let held_up = ask_and_stand_still(&stuck, &server);
    let waiting = {
        let _entered = other.enter();
        ask(&server, 0, 99)
    };
    other.block_on(settle());
    stuck.block_on(settle());
    assert_eq!(calls(&server), FEW + 1, "both are sent");
    other.block_on(async {
        let began = Instant::now();
        // The earlier requests have the first numbers.
        server.executor().may.add_permits(100);
        assert_eq!(waiting.await.unwrap(), (99, FEW + 2));
        let waited = began.elapsed();
        assert!(waited <= TIME * 3 / 4 && waited > TIME / 2, "{waited:?}");
    });
    for asked in held_up {
        stuck.block_on(asked).unwrap();
    }
    assert!(is_idle(&server));
}

#[tokio::test(start_paused = true)]
async fn a_batch_whose_task_was_dropped_gets_another_task() {
    let server = server();
    let first = occupy(&server).await;
    let one = runtime();
    let given_up = {
        let _entered = one.enter();
        ask(&server, 0, 98)
    };
    // The request is made on a runtime that ends before its task makes the call.
    std::thread::scope(|scope| {
        scope.spawn(|| one.block_on(tokio::task::yield_now())).join().unwrap();
    });
    std::thread::spawn(move || drop(one)).join().unwrap();
    drop(given_up);
    let other = ask(&server, 0, 99);
    settle().await;
    assert_eq!(calls(&server), FEW + 1, "the next request does not wait for a dropped task");
    server.executor().may.add_permits(100);
    assert_eq!(other.await.unwrap().0, 99);
    for asked in first {
        asked.await.unwrap();
    }
    assert!(is_idle(&server));
}

#[test]
fn a_call_that_ends_with_its_runtime_is_made_by_another_waiter() {
    let server = server();
    let (one, other) = (runtime(), runtime());
    let waiting = {
        let held_up = one.block_on(occupy(&server));
        one.block_on(async {
            drop(ask(&server, 0, 98));
            tokio::task::yield_now().await;
        });
        let _entered = other.enter();
        let waiting = ask(&server, 0, 99);
        other.block_on(settle());
        one.block_on(settle());
        drop((one, held_up));
        waiting
    };
    assert_eq!(calls(&server), FEW + 1, "both were sent");
    server.executor().may.add_permits(100);
    other.block_on(async {
        let began = Instant::now();
        assert_eq!(waiting.await.unwrap(), (99, FEW + 2));
        assert!(began.elapsed() < Duration::from_millis(10));
    });
    assert!(is_idle(&server));
}

/// Makes requests up to the threshold there, and one more that starts a batch; the runtime stops before its call.
fn ask_and_stand_still(runtime: &tokio::runtime::Runtime, server: &Arc<Batcher<Server>>) -> Vec<Answers> {
    let mut held_up = runtime.block_on(occupy(server));
    runtime.block_on(async {
        held_up.push(ask(server, 0, 98));
        tokio::task::yield_now().await;
    });
    held_up
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap()
}
