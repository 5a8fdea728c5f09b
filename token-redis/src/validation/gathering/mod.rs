//! Questions that are asked at the same time are asked together.
//!
//! A call costs the server, the connection and the caller several times as much as one more question in it does. While few
//! calls are under way (how few that is, the owner says), each makes a call of its own. The others are gathered: the first of them starts a task that lets all who
//! are about to ask come along, and then makes calls for several each. Nobody waits for a call that was sent before its
//! own, and the answers of one call wake those who make up the next. Where that task does not get on, because something
//! blocks its thread, another one is started after a quarter of a question's time, and at the last quarter it is asked alone,
//! perhaps for the second time.

use std::collections::BTreeMap;
use std::iter::zip;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::oneshot;
use tokio::time::error::Elapsed;
use tokio::time::{Instant, timeout_at};

/// How often others of the same thread may go on before a call is made, as long as more come along each time.
const TURNS: usize = 4;

/// Where questions are asked.
pub(super) trait Asked: Send + Sync + 'static {
    /// Questions of one lane can be asked together.
    type Lane: Copy + Ord + Send + 'static;
    type Question: Clone + Send + 'static;
    type Answer: Send + 'static;
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
    few: usize,
    lanes: Mutex<BTreeMap<T::Lane, Lane<T>>>,
}

/// What is under way, and who waits to be gathered.
struct Lane<T: Asked> {
    calls: usize,
    waiting: Vec<Waiting<T>>,
}

struct Waiting<T: Asked> {
    question: T::Question,
    asker: oneshot::Sender<T::Answer>,
}

enum Boarded<T: Asked> {
    Alone(Call<T>),
    Waiting(oneshot::Receiver<T::Answer>),
}

impl<T: Asked> Gathering<T> {
    /// Gathers while `few` calls of a lane are under way, or more.
    pub(super) fn new(asked: T, few: usize) -> Arc<Self> {
        Arc::new(Self { asked, few, lanes: Mutex::default() })
    }

    pub(super) fn asked(&self) -> &T {
        &self.asked
    }

    /// The answer to this question, by a call that begins after it was asked: that of `alone`, or one for several.
    ///
    /// # Errors
    /// It was to be asked together with others, and `time` was over, which ends at `until`. A call that it makes at once is
    /// not bounded here.
    pub(super) async fn ask(
        self: &Arc<Self>,
        lane: T::Lane,
        question: &T::Question,
        time: Duration,
        until: Instant,
        alone: impl AsyncFnOnce() -> T::Answer,
    ) -> Result<T::Answer, Elapsed> {
        let told = match self.board(lane, question) {
            Boarded::Alone(_call) => return Ok(alone().await),
            Boarded::Waiting(told) => told,
        };
        match self.wait(lane, told, [until - time * 3 / 4, until - time / 4]).await {
            Some(answer) => Ok(answer),
            // In a box: large, seldom needed, and would be moved about with everybody.
            None => Box::pin(timeout_at(until, alone())).await,
        }
    }

    /// What the others' call has found, unless that has ended with its runtime, or stands still with it until the second
    /// moment. At the first one this asks for all whom nobody has asked about yet.
    async fn wait(
        self: &Arc<Self>,
        lane: T::Lane,
        mut told: oneshot::Receiver<T::Answer>,
        moments: [Instant; 2],
    ) -> Option<T::Answer> {
        if let Ok(told) = timeout_at(moments[0], &mut told).await {
            return told.ok();
        }
        tokio::spawn(self.clone().call(lane));
        timeout_at(moments[1], told).await.ok()?.ok()
    }

    fn board(self: &Arc<Self>, lane: T::Lane, question: &T::Question) -> Boarded<T> {
        let mut lanes = self.lanes();
        let Lane { calls, waiting } = lanes.entry(lane).or_insert_with(Lane::new);
        if *calls < self.few {
            *calls += 1;
            return Boarded::Alone(Call { gathering: self.clone(), lane });
        }
        let (asker, told) = oneshot::channel();
        let first = waiting.iter().all(|waiting| waiting.asker.is_closed());
        waiting.push(Waiting { question: question.clone(), asker });
        drop(lanes);
        if first {
            tokio::spawn(self.clone().gather(lane));
        }
        Boarded::Waiting(told)
    }

    async fn gather(self: Arc<Self>, lane: T::Lane) {
        // Whoever is about to ask comes along.
        let mut come = 0;
        // Those on other threads are about it already: waiting longer for them takes more than it gives.
        let turns = if self.few == 0 { TURNS } else { 1 };
        for _ in 0..turns {
            let waiting = self.waiting(lane);
            if waiting == come {
                break;
            }
            come = waiting;
            tokio::task::yield_now().await;
        }
        self.call(lane).await;
    }

    fn waiting(&self, lane: T::Lane) -> usize {
        self.lanes().get(&lane).map_or(0, |lane| lane.waiting.len())
    }

    /// Makes the calls for all who wait.
    async fn call(self: Arc<Self>, lane: T::Lane) {
        join_all(self.take(lane).into_iter().map(|(call, waiting)| call.answer(waiting))).await;
    }

    /// Those who wait, in as few calls as they fit in, which are of about the same size.
    fn take(self: &Arc<Self>, lane: T::Lane) -> Vec<(Call<T>, Vec<Waiting<T>>)> {
        let mut lanes = self.lanes();
        let Some(found) = lanes.get_mut(&lane) else { return Vec::new() };
        let mut waiting = mem::take(&mut found.waiting);
        waiting.retain(|waiting| !waiting.asker.is_closed());
        let mut calls = Vec::new();
        for left in (1..=waiting.len().div_ceil(T::MOST)).rev() {
            let others = waiting.split_off(waiting.len().div_ceil(left));
            found.calls += 1;
            calls.push((Call { gathering: self.clone(), lane }, mem::replace(&mut waiting, others)));
        }
        if found.is_idle() {
            lanes.remove(&lane);
        }
        calls
    }

    fn lanes(&self) -> MutexGuard<'_, BTreeMap<T::Lane, Lane<T>>> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Asked> Lane<T> {
    fn new() -> Self {
        Self { calls: 0, waiting: Vec::new() }
    }

    fn is_idle(&self) -> bool {
        self.calls == 0 && self.waiting.is_empty()
    }
}

/// A call under way, until it is dropped.
struct Call<T: Asked> {
    gathering: Arc<Gathering<T>>,
    lane: T::Lane,
}

impl<T: Asked> Call<T> {
    /// Answers those who wait. Whoever does not any more was given up.
    async fn answer(self, waiting: Vec<Waiting<T>>) {
        let (questions, askers): (Vec<_>, Vec<_>) =
            waiting.into_iter().map(|Waiting { question, asker }| (question, asker)).unzip();
        let answers = self.gathering.asked.together(self.lane, questions).await;
        drop(self);
        for (asker, answer) in zip(askers, answers) {
            drop(asker.send(answer));
        }
    }
}

impl<T: Asked> Drop for Call<T> {
    fn drop(&mut self) {
        let mut lanes = self.gathering.lanes();
        if let Some(lane) = lanes.get_mut(&self.lane) {
            lane.calls -= 1;
            if lane.is_idle() {
                lanes.remove(&self.lane);
            }
        }
    }
}

#[cfg(test)]
mod tests;
