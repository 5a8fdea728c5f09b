//! Moving slots from one primary to another.

use redis::aio::MultiplexedConnection;
use redis::{Cmd, FromRedisValue, RedisError, RedisResult, cmd};

use super::view::Peer;
use super::{Cluster, Server};

/// How many keys move at once by default.
const BATCH: usize = 100;
/// The timeout of MIGRATE in milliseconds.
const MIGRATE_LIMIT: u64 = 5_000;

impl Cluster {
    /// The slot of a key.
    ///
    /// # Panics
    /// No node answers.
    pub async fn slot_of(&self, key: &str) -> u16 {
        self.running().next().expect("at least one node runs").command(&["CLUSTER", "KEYSLOT", key]).await
    }

    /// The primary that owns a slot, in the view of a running node.
    ///
    /// # Panics
    /// No node owns it.
    pub async fn owner_of(&self, slot: u16) -> &Server {
        let peers = self.peers().await;
        let owner = peers.iter().find(|peer| peer.owned().any(|owned| owned == slot));
        self.node(owner.unwrap_or_else(|| panic!("no node owns slot {slot}: {peers:?}")).port)
    }

    /// The slots that a primary owns, in the view of a running node.
    ///
    /// # Panics
    /// No node answers.
    pub async fn slots_of(&self, primary: &Server) -> Vec<u16> {
        let peers = self.peers().await;
        peers.iter().filter(|peer| peer.port == primary.port()).flat_map(Peer::owned).collect()
    }

    /// Marks a slot as moving on both sides, before any key has moved.
    ///
    /// # Panics
    /// One of the two refuses.
    pub async fn begin_move(&self, slot: u16, to: &Server) -> Move {
        let from = self.owner_of(slot).await;
        let mut hands = Hands::new(from, to, self.plan.login()).await;
        hands.open(slot).await.unwrap_or_else(|error| from.complain("opening a slot", &error));
        Move { slot, hands }
    }

    /// Moves a slot with all its keys, and waits until all nodes know.
    ///
    /// # Panics
    /// A node refuses, or they do not agree in time. The message ends with logs.
    pub async fn move_slot(&self, slot: u16, to: &Server) {
        self.begin_move(slot, to).await.finish().await;
        self.wait_until_well().await;
    }

    /// Moves this many slots with all their keys, and waits until all nodes know. Returns the slots.
    ///
    /// # Panics
    /// There are not enough slots, a node refuses, or the nodes do not agree in time. The message ends with logs.
    pub async fn move_slots(&self, count: usize, from: &Server, to: &Server) -> Vec<u16> {
        let mut slots = self.slots_of(from).await;
        assert!(slots.len() >= count, "port {} owns {} slots, not {count}", from.port(), slots.len());
        slots.truncate(count);
        let mut hands = Hands::new(from, to, self.plan.login()).await;
        for &slot in &slots {
            let moved = async {
                hands.open(slot).await?;
                hands.close(slot).await
            };
            moved.await.unwrap_or_else(|error| from.complain(&format!("moving slot {slot}"), &error));
        }
        self.wait_until_well().await;
        slots
    }
}

/// A slot that is being moved: its keys are on the old owner or on the new one. Dropping this leaves the slot in that state.
#[derive(Debug)]
pub struct Move {
    slot: u16,
    hands: Hands,
}

impl Move {
    /// The slot.
    #[must_use]
    pub fn slot(&self) -> u16 {
        self.slot
    }

    /// Moves at most this many of its keys, and returns how many it moved.
    ///
    /// # Panics
    /// A node refuses.
    pub async fn move_keys(&mut self, at_most: usize) -> usize {
        let moved = self.hands.move_keys(self.slot, at_most).await;
        moved.unwrap_or_else(|error| panic!("moving keys of slot {} failed: {error}", self.slot))
    }

    /// Moves all remaining keys, and transfers the slot to the new owner. The other nodes learn this from these two: wait for
    /// that with [`Cluster::wait_until_well`].
    ///
    /// # Panics
    /// A node refuses.
    pub async fn finish(mut self) {
        let closed = self.hands.close(self.slot).await;
        closed.unwrap_or_else(|error| panic!("moving slot {} failed: {error}", self.slot));
    }
}

/// Connections to the old and the new owner.
#[derive(Debug)]
struct Hands {
    from: Hand,
    to: Hand,
    /// User and password, if the old owner must log in at the new one.
    login: Option<[String; 2]>,
}

#[derive(Debug)]
struct Hand {
    port: u16,
    id: String,
    connection: MultiplexedConnection,
}

impl Hands {
    async fn new(from: &Server, to: &Server, login: Option<[String; 2]>) -> Self {
        Self { from: Hand::new(from).await, to: Hand::new(to).await, login }
    }

    async fn open(&mut self, slot: u16) -> RedisResult<()> {
        // In this order the old owner never redirects clients to a node that would redirect them back.
        self.to.ask::<()>(set_slot(slot).arg("IMPORTING").arg(&self.from.id)).await?;
        self.from.ask(set_slot(slot).arg("MIGRATING").arg(&self.to.id)).await
    }

    async fn move_keys(&mut self, slot: u16, at_most: usize) -> RedisResult<usize> {
        let keys: Vec<Vec<u8>> =
            self.from.ask(cmd("CLUSTER").arg("GETKEYSINSLOT").arg(slot).arg(at_most)).await?;
        if !keys.is_empty() {
            let mut migrate = cmd("MIGRATE");
            migrate.arg("127.0.0.1").arg(self.to.port).arg("").arg(0).arg(MIGRATE_LIMIT);
            if let Some(login) = &self.login {
                migrate.arg("AUTH2").arg(login);
            }
            migrate.arg("KEYS").arg(&keys);
            // `NOKEY` means that all of them have expired meanwhile, which is a success, too.
            self.from.ask::<String>(&migrate).await?;
        }
        Ok(keys.len())
    }

    async fn close(&mut self, slot: u16) -> RedisResult<()> {
        while self.move_keys(slot, BATCH).await? > 0 {}
        // The new owner first, so that the slot has an owner at every moment.
        let assign = set_slot(slot).arg("NODE").arg(&self.to.id).clone();
        self.to.ask::<()>(&assign).await?;
        let told = self.from.ask::<()>(&assign).await;
        // A node that learns from the new owner that it has lost its last slot may become a replica, and needs no command.
        if told.is_err()
            && self.from.ask::<String>(cmd("INFO").arg("replication")).await?.contains("role:slave")
        {
            return Ok(());
        }
        told
    }
}

impl Hand {
    async fn new(node: &Server) -> Self {
        Self {
            port: node.port(),
            id: node.command(&["CLUSTER", "MYID"]).await,
            connection: node.connection().await,
        }
    }

    async fn ask<T: FromRedisValue>(&mut self, command: &Cmd) -> Result<T, RedisError> {
        command.query_async(&mut self.connection).await
    }
}

fn set_slot(slot: u16) -> Cmd {
    cmd("CLUSTER").arg("SETSLOT").arg(slot).clone()
}
