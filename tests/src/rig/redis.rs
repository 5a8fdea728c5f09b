//! `RedisStore` on a server of its own or a cluster, each trial in a namespace of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use redis::aio::ConnectionLike;
use redis::{Cmd, FromRedisValue, cmd};
use token_core::{Timestamp, TokenId, TokenStore};
use token_redis::{Namespace, Options, RedisStore, Tls};

use super::{Rig, keys};
use crate::containers::{self, Way};
use crate::runner::Topology;
use crate::servers::{Certificates, ClientCertificates, Cluster, Sentinel, Standalone};

/// One server: in a container where there can be one, else a process.
#[derive(Debug)]
pub enum OneServer {
    /// In a container.
    Container(containers::Server),
    /// A process of this machine.
    Process(Standalone),
}

impl Topology for OneServer {
    const NAME: &'static str = "redis";

    async fn start() -> Self {
        match containers::choose().await {
            Way::Containers(image) => Self::Container(containers::Server::start(&image).await),
            Way::Processes => Self::Process(Standalone::start().await),
        }
    }

    async fn rig(&self) -> Box<dyn Rig> {
        let (url, hands) = match self {
            Self::Container(server) => (server.url(), server.connection().await),
            Self::Process(server) => (server.url(), server.connection().await),
        };
        Box::new(RedisRig::open(new_namespace(), &url, hands, Tls::default()).await)
    }
}

/// A cluster: in a container where there can be one, else of processes.
#[derive(Debug)]
pub enum OneCluster {
    /// In a container.
    Container(containers::Cluster),
    /// Processes of this machine.
    Processes(Cluster),
}

impl Topology for OneCluster {
    const NAME: &'static str = "redis_cluster";

    async fn start() -> Self {
        match containers::choose().await {
            Way::Containers(image) => Self::Container(containers::Cluster::start(&image).await),
            Way::Processes => Self::Processes(Cluster::start().await),
        }
    }

    async fn rig(&self) -> Box<dyn Rig> {
        let (url, hands) = match self {
            Self::Container(cluster) => (cluster.url(), cluster.connection().await),
            Self::Processes(cluster) => (cluster.url(), cluster.connection().await),
        };
        Box::new(RedisRig::open(new_namespace(), &url, hands, Tls::default()).await)
    }
}

impl Topology for Sentinel {
    const NAME: &'static str = "redis_sentinel";

    async fn start() -> Self {
        Self::start().await
    }

    async fn rig(&self) -> Box<dyn Rig> {
        let hands = self.primary().await.connection().await;
        Box::new(RedisRig::open(new_namespace(), &self.url(), hands, Tls::default()).await)
    }
}

/// A server that speaks TLS only, and demands a certificate of its clients.
#[derive(Debug)]
pub struct TlsStandalone(Standalone);

impl Topology for TlsStandalone {
    const NAME: &'static str = "redis_tls";

    async fn start() -> Self {
        Self(Standalone::start_tls(ClientCertificates::Required).await)
    }

    async fn rig(&self) -> Box<dyn Rig> {
        let tls = tls(self.0.certificates());
        Box::new(RedisRig::open(new_namespace(), &self.0.url(), self.0.connection().await, tls).await)
    }
}

/// A cluster whose nodes speak TLS only.
#[derive(Debug)]
pub struct TlsCluster(Cluster);

impl Topology for TlsCluster {
    const NAME: &'static str = "redis_cluster_tls";

    async fn start() -> Self {
        Self(Cluster::start_tls(ClientCertificates::Optional).await)
    }

    async fn rig(&self) -> Box<dyn Rig> {
        let tls = tls(self.0.certificates());
        Box::new(RedisRig::open(new_namespace(), &self.0.url(), self.0.connection().await, tls).await)
    }
}

/// What a client of a server with these certificates needs.
#[must_use]
pub fn tls(certificates: &Certificates) -> Tls {
    let read = |path| std::fs::read(path).unwrap();
    Tls {
        authorities: Some(read(certificates.ca())),
        client: Some((read(certificates.client_certificate()), read(certificates.client_key()))),
    }
}

/// An empty namespace, two stores on it, and a connection that goes past them.
pub(super) struct RedisRig<C> {
    namespace: Namespace,
    store: Arc<RedisStore>,
    other: Arc<RedisStore>,
    connection: C,
}

impl<C: ConnectionLike + Clone + Send + Sync> RedisRig<C> {
    /// Opens both stores in a namespace that is empty.
    pub(super) async fn open(namespace: Namespace, url: &str, connection: C, tls: Tls) -> Self {
        let mut options = options(&namespace);
        options.tls = tls;
        let connect = async || Arc::new(RedisStore::connect(url, keys(), options.clone()).await.unwrap());
        Self { store: connect().await, other: connect().await, namespace, connection }
    }

    /// The key of the token's record, spelled independently of the store.
    fn key(&self, id: TokenId) -> String {
        let id = id.to_string();
        let (partition, rest) = id.split_at(2);
        format!("{}:{{{partition}}}:{rest}", self.namespace)
    }

    async fn ask<T: FromRedisValue>(&self, command: &Cmd) -> T {
        command.query_async(&mut self.connection.clone()).await.unwrap()
    }

    /// The record's time to live in milliseconds.
    async fn ttl(&self, id: TokenId) -> Option<i64> {
        match self.ask(cmd("PTTL").arg(self.key(id))).await {
            -2 => None,
            -1 => panic!("the record of {id} would stay for ever"),
            millis => Some(millis),
        }
    }
}

/// A namespace that no other trial of this test binary has.
pub(super) fn new_namespace() -> Namespace {
    static MADE: AtomicUsize = AtomicUsize::new(0);
    format!("trial-{}", MADE.fetch_add(1, Ordering::Relaxed)).parse().unwrap()
}

/// On a machine that is busy with other things, an answer may take long without anything being wrong.
fn options(namespace: &Namespace) -> Options {
    const PATIENCE: Duration = Duration::from_secs(20);
    let mut options = Options::default();
    options.namespace = namespace.clone();
    options.connect_timeout = PATIENCE;
    options.response_timeout = PATIENCE;
    options.validate_deadline = PATIENCE;
    options.deadline = PATIENCE;
    options
}

#[async_trait]
impl<C: ConnectionLike + Clone + Send + Sync> Rig for RedisRig<C> {
    fn store(&self) -> Arc<dyn TokenStore> {
        self.store.clone()
    }

    fn other_node(&self) -> Arc<dyn TokenStore> {
        self.other.clone()
    }

    async fn now(&self) -> Timestamp {
        let (seconds, micros): (u64, u64) = self.ask(&cmd("TIME")).await;
        Timestamp::from_millis(seconds * 1000 + micros / 1000)
    }

    async fn pass(&self, time: Duration) {
        let end = self.now().await.after(time);
        while self.now().await < end {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    async fn age(&self, id: TokenId, by: Duration) {
        let by = i64::try_from(by.as_millis()).unwrap();
        if let Some(ttl) = self.ttl(id).await {
            // Nothing left, or less: the server removes the key at once.
            self.ask::<bool>(cmd("PEXPIRE").arg(self.key(id)).arg(ttl - by)).await;
        }
    }

    async fn remaining(&self, id: TokenId) -> Option<Duration> {
        Some(Duration::from_millis(self.ttl(id).await?.try_into().unwrap()))
    }

    async fn record(&self, id: TokenId) -> Option<Vec<u8>> {
        self.ask(cmd("GET").arg(self.key(id))).await
    }

    async fn overwrite(&self, id: TokenId, bytes: Vec<u8>) {
        let set: Option<String> =
            self.ask(cmd("SET").arg(self.key(id)).arg(bytes).arg("XX").arg("KEEPTTL")).await;
        assert!(set.is_some(), "{id} has no record");
    }
}
