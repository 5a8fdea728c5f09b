//! Hears of revocations, at every primary.
//!
//! Each primary is listened to over a connection of its own: it subscribes to the channel on which the scripts tell
//! revocations, and over the same connection it asks, again and again, for a validation of nobody's token. An answer says
//! that the server still is the primary, and that whatever it told before it answered has arrived, since both come over
//! one socket in order: so it extends the leases of its partitions, counted from the sending. Where answers fail to come,
//! leases run out by themselves; when a connection is lost, they end at once.
//!
//! In a cluster a revocation reaches all nodes, so it is heard even while its slot is on the move.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, PushInfo, PushKind, RedisError, RedisResult, Value};
use token_core::TokenId;
use token_core::spi::Partition;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use super::{Known, nanos};
use crate::answer;
use crate::connect::{Address, Shape, Target, Topology};
use crate::options::Options;
use crate::validation::question;

/// Between two looks at who the primaries are, while all of them are heard.
const LOOK: Duration = Duration::from_secs(1);

/// Before a primary that cannot be heard is tried again.
const PAUSE: Duration = Duration::from_millis(100);

/// Listens until it is dropped.
pub(super) struct Listener(JoinHandle<()>);

impl Listener {
    pub(super) fn start(known: Arc<Known>, age: Duration, target: Arc<Target>, options: &Options) -> Self {
        let topology = Topology::new(target.clone(), options.connect_timeout);
        let hearing = Hearing { known, age, target, options: options.clone(), lost: Notify::new() };
        Self(tokio::spawn(attend(Arc::new(hearing), topology)))
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// What all ears share.
struct Hearing {
    known: Arc<Known>,
    age: Duration,
    target: Arc<Target>,
    options: Options,
    /// An ear has lost its primary.
    lost: Notify,
}

/// Keeps an ear at every primary.
async fn attend(hearing: Arc<Hearing>, topology: Topology) {
    let mut ears: HashMap<Address, Ear> = HashMap::new();
    let mut lost = false;
    loop {
        match topology.partitions().await {
            Ok(homes) => {
                lost = false;
                ears.retain(|address, _| homes.contains_key(address));
                for (address, partitions) in homes {
                    let ear = ears.entry(address.clone());
                    ear.or_insert_with(|| Ear::at(address, hearing.clone())).attend_to(partitions);
                }
            }
            Err(error) => {
                if !std::mem::replace(&mut lost, true) {
                    tracing::warn!(store = %hearing.target, %error, "cannot find the primaries to listen to");
                }
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        }
        tokio::time::sleep(PAUSE).await;
        let look = async {
            match hearing.target.shape {
                Shape::Cluster => tokio::time::sleep(LOOK).await,
                Shape::Single | Shape::Sentinel { .. } => std::future::pending().await,
            }
        };
        tokio::select! {
            () = look => {}
            () = hearing.lost.notified() => topology.forget(),
        }
    }
}

/// Listens to one primary until it is dropped.
struct Ear {
    post: Arc<Post>,
    listening: JoinHandle<()>,
}

impl Ear {
    fn at(address: Address, hearing: Arc<Hearing>) -> Self {
        let post = Arc::new(Post {
            hearing,
            partitions: RwLock::default(),
            missed: Notify::new(),
            gap: AtomicBool::new(false),
        });
        let listening = tokio::spawn(listen(address, post.clone()));
        Self { post, listening }
    }

    /// Partitions that have come may have told somebody else of a revocation just now.
    fn attend_to(&self, partitions: Vec<Partition>) {
        let mut attended = self.post.partitions.write().unwrap_or_else(PoisonError::into_inner);
        let come = partitions.iter().filter(|partition| !attended.contains(partition));
        come.for_each(|&partition| self.post.hearing.known.leases.end(partition));
        *attended = partitions;
    }
}

impl Drop for Ear {
    fn drop(&mut self) {
        self.listening.abort();
        self.post.miss();
    }
}

async fn listen(address: Address, post: Arc<Post>) {
    let mut complained = false;
    loop {
        let Err(error) = post.hear(&address, &mut complained).await;
        post.end();
        if !std::mem::replace(&mut complained, true) {
            tracing::warn!(store = %post.hearing.target, server = %address, %error, "the local cache is bypassed: revocations cannot be heard");
        }
        post.hearing.lost.notify_one();
        tokio::time::sleep(PAUSE).await;
    }
}

/// Where one ear listens.
struct Post {
    hearing: Arc<Hearing>,
    partitions: RwLock<Vec<Partition>>,
    /// Something may have been missed: find out at once whether the primary can still be heard.
    missed: Notify,
    /// The same, for whoever is about to extend the leases.
    gap: AtomicBool,
}

impl Post {
    /// Listens until the primary cannot be heard any more, and says why.
    async fn hear(
        self: &Arc<Self>,
        address: &Address,
        complained: &mut bool,
    ) -> Result<Infallible, RedisError> {
        let mut connection = self.subscribe(address).await?;
        loop {
            let sent = self.hearing.known.clock.now();
            self.gap.store(false, Ordering::Release);
            self.probe(&mut connection).await?;
            self.extend(sent);
            // Between the two, the connection may have been lost: what it ended must stay so.
            if self.gap.load(Ordering::Acquire) {
                self.end();
            }
            if std::mem::take(complained) {
                tracing::info!(store = %self.hearing.target, server = %address, "revocations can be heard again");
            }
            tokio::select! {
                () = tokio::time::sleep(self.hearing.age / 4) => {}
                () = self.missed.notified() => {}
            }
        }
    }

    async fn subscribe(self: &Arc<Self>, address: &Address) -> RedisResult<MultiplexedConnection> {
        let Hearing { target, options, age, .. } = &*self.hearing;
        let post = self.clone();
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(options.connect_timeout))
            // An answer that is older than a lease gives none.
            .set_response_timeout(Some(options.response_timeout.min(*age).max(PAUSE)))
            .set_push_sender(move |push| {
                post.told(push);
                Ok::<_, Infallible>(())
            });
        let client = Client::open(target.listening_server(address)?)?;
        let mut connection = client.get_multiplexed_async_connection_with_config(&config).await?;
        connection.subscribe(options.namespace.revocations()).await?;
        Ok(connection)
    }

    /// Finds out whether the server still validates, as the primary of its partitions.
    async fn probe(&self, connection: &mut MultiplexedConnection) -> RedisResult<()> {
        let Some(partition) = self.lock().first().copied() else { return Ok(()) };
        let nobody = self.hearing.options.namespace.nobody_in(partition);
        question::probe(nobody).send(connection).await.map(drop)
    }

    fn extend(&self, sent: u64) {
        let Known { leases, clock, .. } = &*self.hearing.known;
        let (now, until) = (clock.now(), sent.saturating_add(nanos(self.hearing.age)));
        self.lock().iter().for_each(|&partition| leases.extend(partition, now, until));
    }

    fn end(&self) {
        self.lock().iter().for_each(|&partition| self.hearing.known.leases.end(partition));
    }

    /// Runs where the connection is read, so that it is done before the answer behind it is seen.
    fn told(&self, push: PushInfo) {
        match (push.kind, push.data.as_slice()) {
            (PushKind::Message, [_, Value::BulkString(ids)]) => self.revoked(ids),
            (PushKind::Subscribe, _) => {}
            // The connection is lost, or tells what we know nothing of: better ask again.
            _ => self.miss(),
        }
    }

    /// The ids one after the other. They are of one partition, which must not turn again behind what is kept of them.
    fn revoked(&self, ids: &[u8]) {
        let ids: Vec<_> = ids.chunks(TokenId::TEXT_LENGTH).map(answer::id_of).collect();
        let known = &self.hearing.known;
        ids.iter().flatten().for_each(|id| known.leases.turn(id.partition()));
        ids.iter().flatten().for_each(|&id| known.revoked(id, self.hearing.age));
        if ids.contains(&None) {
            self.miss();
        }
    }

    fn miss(&self) {
        self.gap.store(true, Ordering::Release);
        self.end();
        self.missed.notify_one();
    }

    fn lock(&self) -> RwLockReadGuard<'_, Vec<Partition>> {
        self.partitions.read().unwrap_or_else(PoisonError::into_inner)
    }
}
