//! Nodes that concurrently issue, validate and revoke during the whole round, and record the answers.

use std::error::Error;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use secrecy::{ExposeSecret, SecretString};
use token_core::spi::TokenStore;
use token_core::{
    Access, Committed, ConfirmationLevel, IssueRequest, Lifetime, Prefix, Requirement, Revocation,
    RevokeOutcome, ServiceError, StoreError, TokenId, TokenService, Verdict,
};
use token_redis::{Options, RedisStore};
use tokio::task::JoinSet;

use super::history::{Answer, Operation, Recorder};
use token_conformance::keys;

/// How many nodes validate, and how many callers each of them has.
const NODES: usize = 2;
const CALLERS: usize = 16;
/// How long a caller pauses between two validations.
const VALIDATOR_REST: Duration = Duration::from_millis(4);
/// How many callers issue and revoke over one node, and how long they pause.
const WRITERS: usize = 8;
const WRITER_REST: Duration = Duration::from_millis(10);
/// The number of users: enough for every primary of a cluster.
const USERS: u32 = 100;
/// The number of live tokens from which the oldest ones are revoked.
const LIVE: usize = 200;
/// How often the last check of a token is tried.
const LAST_TRIES: usize = 100;

type Tokens = TokenService<RedisStore>;

/// The nodes, which stay the same for many rounds.
pub(super) struct Fleet {
    writer: Arc<Tokens>,
    validators: Vec<Arc<Tokens>>,
    /// The options of the stores.
    pub(super) options: Options,
}

impl Fleet {
    /// Connects all nodes to the store.
    ///
    /// # Panics
    /// The store cannot be reached.
    pub(super) async fn connect(url: &str, level: ConfirmationLevel) -> Self {
        let mut options = Options::default();
        options.confirm = Some(level);
        let node = async || {
            let store = RedisStore::connect(url, keys(), options.clone()).await;
            Arc::new(TokenService::new(store.expect("the store has just been started"), Prefix::default()))
        };
        let mut validators = Vec::new();
        for _ in 0..NODES {
            validators.push(node().await);
        }
        Self { writer: node().await, validators, options }
    }
}

/// The running callers.
pub(super) struct Load {
    stop: Arc<AtomicBool>,
    callers: JoinSet<()>,
    shared: Arc<Shared>,
    looks: Arc<Tokens>,
}

struct Shared {
    recorder: Arc<Recorder>,
    live: Mutex<Vec<Known>>,
    revoked: Mutex<Vec<Known>>,
    validations: AtomicUsize,
}

/// A token with a holder.
#[derive(Clone)]
struct Known {
    id: TokenId,
    text: SecretString,
}

impl Load {
    /// Starts all callers.
    #[must_use]
    pub(super) fn begin(fleet: &Fleet, recorder: Arc<Recorder>, seed: u64) -> Self {
        let shared = Arc::new(Shared {
            recorder,
            live: Mutex::default(),
            revoked: Mutex::default(),
            validations: AtomicUsize::new(0),
        });
        let stop = Arc::new(AtomicBool::new(false));
        let mut callers = JoinSet::new();
        let mut seeds = ChaCha20Rng::seed_from_u64(seed);
        for _ in 0..WRITERS {
            let rng = ChaCha20Rng::from_rng(&mut seeds);
            callers.spawn(write(fleet.writer.clone(), shared.clone(), stop.clone(), rng));
        }
        for node in &fleet.validators {
            for _ in 0..CALLERS {
                let rng = ChaCha20Rng::from_rng(&mut seeds);
                callers.spawn(validate(node.clone(), shared.clone(), stop.clone(), rng));
            }
        }
        Self { stop, callers, shared, looks: fleet.writer.clone() }
    }

    /// How many validations have been answered or have failed so far.
    #[must_use]
    pub(super) fn validations(&self) -> usize {
        self.shared.validations.load(Ordering::Relaxed)
    }

    /// Waits until all callers have ended.
    ///
    /// # Panics
    /// One of them panicked.
    pub(super) async fn stop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        while let Some(ended) = self.callers.join_next().await {
            ended.expect("a caller panicked");
        }
    }

    /// Checks every token once more, revoked or not.
    pub(super) async fn last_look(&self) {
        let mut looks = JoinSet::new();
        for known in [self.shared.live.take(), self.shared.revoked.take()].concat() {
            let (node, shared) = (self.looks.clone(), self.shared.clone());
            looks.spawn(async move {
                for _ in 0..LAST_TRIES {
                    if shared.validate(&node, &known).await {
                        return;
                    }
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            });
            // A few at a time: all at once would be another test.
            while looks.len() >= CALLERS {
                looks.join_next().await;
            }
        }
        while looks.join_next().await.is_some() {}
    }
}

async fn write(node: Arc<Tokens>, shared: Arc<Shared>, stop: Arc<AtomicBool>, mut rng: ChaCha20Rng) {
    while !stop.load(Ordering::Relaxed) {
        shared.issue(&node, rng.next_u32() % USERS).await;
        tokio::time::sleep(WRITER_REST).await;
        if let Some(known) = shared.doom(&mut rng) {
            // A caller whose revocation is not confirmed, or has failed, tries once more.
            if !shared.revoke(&node, &known).await {
                shared.revoke(&node, &known).await;
            }
        }
        tokio::time::sleep(WRITER_REST).await;
    }
}

async fn validate(node: Arc<Tokens>, shared: Arc<Shared>, stop: Arc<AtomicBool>, mut rng: ChaCha20Rng) {
    while !stop.load(Ordering::Relaxed) {
        if let Some(known) = shared.any(&mut rng) {
            shared.validate(&node, &known).await;
            shared.validations.fetch_add(1, Ordering::Relaxed);
        }
        tokio::time::sleep(VALIDATOR_REST).await;
    }
}

impl Shared {
    async fn issue(&self, node: &Tokens, user: u32) {
        let user = format!("user-{user}").parse().expect("a name");
        let lifetime = Lifetime::sliding("1h".parse().expect("a span"));
        let request = IssueRequest::new(user, Access::Full, lifetime);
        let from = self.recorder.now();
        match node.issue(&request).await {
            Ok(issued) => {
                let id = issued.grant.id;
                self.recorder.call(Operation::Issue, id.to_string(), from, done(issued.confirmation));
                self.live.hold().push(Known { id, text: issued.token.expose_secret().into() });
            }
            Err(ServiceError::Store(error)) => self.recorder.call(Operation::Issue, "", from, failed(&error)),
            Err(error) => panic!("{error}"),
        }
    }

    /// Whether the token is revoked, with a confirmation.
    async fn revoke(&self, node: &Tokens, known: &Known) -> bool {
        let from = self.recorder.now();
        let answer = match node.store().revoke(known.id, &Revocation::default()).await {
            Ok(Committed { outcome: RevokeOutcome::Unknown, .. }) => Answer::Unknown,
            Ok(Committed { confirmation, .. }) => done(confirmation),
            Err(error) => failed(&error),
        };
        let confirmed = answer == Answer::Confirmed;
        self.recorder.call(Operation::Revoke, known.id.to_string(), from, answer);
        confirmed
    }

    /// Whether there was an answer.
    async fn validate(&self, node: &Tokens, known: &Known) -> bool {
        let from = self.recorder.now();
        let answer = match node.validate(known.text.expose_secret(), &Requirement::any()).await {
            Ok(Verdict::Active(_)) => Answer::Active,
            Ok(Verdict::Inactive(_)) => Answer::Inactive,
            Err(error) => failed(&error),
        };
        let answered = !matches!(answer, Answer::Failed { .. });
        self.recorder.call(Operation::Validate, known.id.to_string(), from, answer);
        answered
    }

    /// Takes a live token to revoke, once there are enough.
    fn doom(&self, rng: &mut ChaCha20Rng) -> Option<Known> {
        let mut live = self.live.hold();
        if live.len() < LIVE / 2 {
            return None;
        }
        let chosen = if live.len() > LIVE { 0 } else { rng.next_u32() as usize % live.len() };
        let known = live.swap_remove(chosen);
        self.revoked.hold().push(known.clone());
        Some(known)
    }

    /// A random token: in half of the cases a live one, else one of those revoked last.
    fn any(&self, rng: &mut ChaCha20Rng) -> Option<Known> {
        let from = if rng.next_u32().is_multiple_of(2) { &self.live } else { &self.revoked };
        let from = from.hold();
        let last = from.len().min(LIVE);
        let back = (rng.next_u32() as usize).checked_rem(last)?;
        from.get(from.len() - 1 - back).cloned()
    }
}

/// Access to the state that callers share.
trait Hold<T> {
    fn hold(&self) -> std::sync::MutexGuard<'_, T>;
    fn take(&self) -> T;
}

impl<T: Default> Hold<T> for Mutex<T> {
    fn hold(&self) -> std::sync::MutexGuard<'_, T> {
        // A panic under the lock fails the round anyway.
        self.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self) -> T {
        std::mem::take(&mut *self.hold())
    }
}

fn done(confirmation: token_core::Confirmation) -> Answer {
    let by_others = confirmation.level == ConfirmationLevel::Replicated && confirmation.is_confirmed();
    if by_others { Answer::Confirmed } else { Answer::Done }
}

fn failed(error: &StoreError) -> Answer {
    let cause = error.source().map(|cause| format!(" ({cause})")).unwrap_or_default();
    let message = format!("{error}{cause}");
    Answer::Failed { why: error.kind().code().into(), for_good: !error.is_retryable(), message }
}
