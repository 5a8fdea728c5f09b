//! A primary with two replicas, and three Sentinels that monitor them.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use redis::{FromRedisValue, RedisResult};

use super::certificates::{Certificates, ClientCertificates};
use super::info::field;
use super::patience::{Missing, wait_for};
use super::plan::Plan;
use super::server::Server;

/// The name of the service at the Sentinels.
const SERVICE: &str = "tokens";
const REPLICAS: usize = 2;
const SENTINELS: usize = 3;
const MAJORITY: usize = 2;
/// How long the Sentinels may take to know all the others; it takes about three seconds on an idle machine.
const FORMING: Duration = Duration::from_secs(60);
/// How long a failover may take; it takes about three seconds on an idle machine. A Sentinel that was not scheduled for two
/// seconds does nothing for thirty more.
const FAILOVER: Duration = Duration::from_secs(120);

/// A primary with two replicas and three Sentinels, with a quorum of two.
#[derive(Debug)]
pub struct Sentinel {
    servers: Vec<Server>,
    sentinels: Vec<Server>,
    plan: Plan,
}

impl Sentinel {
    /// Starts empty servers, and waits until both replicas are in sync and every Sentinel knows all others.
    ///
    /// # Panics
    /// It does not come together. The message ends with the logs.
    pub async fn start() -> Self {
        Self::start_as(Plan::default()).await
    }

    /// The same with servers and Sentinels that can be cut off: see [`Sentinel::cut_off`].
    ///
    /// # Panics
    /// It does not come together. The message ends with the logs.
    pub async fn start_behind_proxies() -> Self {
        Self::start_as(Plan::default().behind_proxies()).await
    }

    /// The same with servers and Sentinels that use only TLS, all with the same new
    /// [`Sentinel::certificates`].
    ///
    /// # Panics
    /// It does not come together. The message ends with the logs.
    pub async fn start_tls() -> Self {
        let certificates = Arc::new(Certificates::make());
        Self::start_as(Plan::default().with_tls(certificates, ClientCertificates::Optional)).await
    }

    async fn start_as(plan: Plan) -> Self {
        let mut all = Self { servers: Vec::new(), sentinels: Vec::new(), plan };
        let formed = all.form().await;
        formed.unwrap_or_else(|why| panic!("the sentinels did not come together: {why}{}", all.log_tails()));
        all
    }

    async fn form(&mut self) -> Result<(), String> {
        let primary = Server::start_anywhere(&self.plan).await?;
        let replica = self.replica_of(&primary);
        let watch = watch(primary.port());
        self.servers.push(primary);
        for _ in 0..REPLICAS {
            self.servers.push(Server::start_anywhere(&replica).await?);
        }
        // A Sentinel that first sees a replica out of sync checks it again only after ten seconds.
        wait_for(FORMING, async || self.look_whether_all_follow(self.first()).await).await?;
        for _ in 0..SENTINELS {
            self.sentinels.push(Server::start_anywhere(&self.plan.clone().watching(&watch)).await?);
        }
        wait_for(FORMING, async || self.look_whether_all_know_all().await).await
    }

    /// Starts one more replica, and waits until it is in sync and every Sentinel lists it.
    ///
    /// # Panics
    /// It is not listed in time. The message ends with the logs.
    pub async fn add_replica(&mut self) {
        let plan = self.replica_of(self.primary().await);
        let added = Server::start_anywhere(&plan).await.unwrap_or_else(|failure| panic!("{failure}"));
        self.servers.push(added);
        self.wait_until_all_follow().await;
        let replicas = self.servers.len() - 1;
        let listed = wait_for(FORMING, async || {
            for sentinel in &self.sentinels {
                let listed: Vec<HashMap<String, String>> = ask(sentinel, "REPLICAS").await?;
                if listed.len() != replicas {
                    return Err(Missing::Yet(format!("sentinel {} lists {listed:?}", sentinel.port())));
                }
            }
            Ok(())
        });
        listed.await.unwrap_or_else(|why| panic!("the replica is not listed: {why}{}", self.log_tails()));
    }

    /// Its URL, `redis-sentinel://127.0.0.1:P1,127.0.0.1:P2,127.0.0.1:P3/0?sentinelServiceName=tokens`;
    /// `rediss-sentinel://…` if it uses TLS.
    #[must_use]
    pub fn url(&self) -> String {
        let hosts: Vec<_> = self.sentinels.iter().map(|one| format!("127.0.0.1:{}", one.port())).collect();
        let scheme = if self.plan.certificates().is_some() { "rediss-sentinel" } else { "redis-sentinel" };
        format!("{scheme}://{}/0?sentinelServiceName={SERVICE}", hosts.join(","))
    }

    /// The certificates, if it uses TLS.
    ///
    /// # Panics
    /// It does not use TLS.
    #[must_use]
    pub fn certificates(&self) -> &Certificates {
        self.plan.certificates().expect("only what was started with TLS has certificates")
    }

    /// The servers with data: the initial primary, and its initial replicas.
    #[must_use]
    pub fn servers(&self) -> &[Server] {
        &self.servers
    }

    /// The sentinels.
    #[must_use]
    pub fn sentinels(&self) -> &[Server] {
        &self.sentinels
    }

    /// The primary that a majority of the Sentinels announce.
    ///
    /// # Panics
    /// There is no majority for any.
    pub async fn primary(&self) -> &Server {
        match self.announced().await {
            Ok(primary) => primary,
            Err(Missing::Yet(why) | Missing::ForEver(why)) => panic!("{why}{}", self.log_tails()),
        }
    }

    /// Kills the primary and waits for another one, which it returns.
    ///
    /// # Panics
    /// There is none in time. The message ends with the logs.
    pub async fn kill_primary(&self) -> &Server {
        let primary = self.primary().await;
        primary.kill();
        self.wait_for_other_primary_than(primary).await
    }

    /// Pauses the primary and waits for another one, which it returns. The old one learns of it when it is resumed: wait
    /// for that with [`Sentinel::wait_until_all_follow`].
    ///
    /// # Panics
    /// There is none in time. The message ends with the logs.
    pub async fn pause_primary(&self) -> &Server {
        let primary = self.primary().await;
        primary.pause();
        self.wait_for_other_primary_than(primary).await
    }

    /// Waits until a majority of the Sentinels announce another primary than this one, and it accepts writes.
    ///
    /// # Panics
    /// There is none in time. The message ends with the logs.
    pub async fn wait_for_other_primary_than(&self, old: &Server) -> &Server {
        let found = wait_for(FAILOVER, async || {
            let primary = self.announced().await?;
            if primary.port() == old.port() {
                return Err(Missing::Yet(format!("port {} still is the primary", old.port())));
            }
            // There is no key to delete, and a replica refuses the command all the same.
            let written: RedisResult<()> = primary.try_command(&["DEL", "no such key"]).await;
            written.map(|()| primary).map_err(|error| Missing::Yet(error.to_string()))
        });
        found.await.unwrap_or_else(|reason| panic!("no other primary: {reason}{}", self.log_tails()))
    }

    /// Waits until every running server follows the announced primary and is in sync with it.
    ///
    /// # Panics
    /// One does not in time. The message ends with the logs.
    pub async fn wait_until_all_follow(&self) {
        let followed = wait_for(FAILOVER, async || {
            let primary = self.announced().await?;
            self.look_whether_all_follow(primary).await
        });
        followed.await.unwrap_or_else(|why| panic!("not all follow: {why}{}", self.log_tails()));
    }

    /// Cuts a server off from all others and from the Sentinels, but not from clients.
    ///
    /// # Panics
    /// The servers were started without proxies.
    pub fn cut_off(&self, server: &Server) {
        self.others(server).for_each(|other| server.keep_apart_from(other));
    }

    /// Ends [`Sentinel::cut_off`]. The Sentinels need a while to recover: see [`Sentinel::wait_until_all_follow`].
    ///
    /// # Panics
    /// The servers were started without proxies.
    pub fn rejoin(&self, server: &Server) {
        self.others(server).for_each(|other| server.reunite_with(other));
    }

    /// Makes the Sentinels choose this server as the next primary, even if others are more advanced.
    ///
    /// # Panics
    /// They do not learn it in time. The message ends with the logs.
    pub async fn prefer(&self, preferred: &Server) {
        for server in self.servers.iter().filter(|server| server.is_running()) {
            let priority = if server.port() == preferred.port() { "1" } else { "100" };
            server.command::<()>(&["CONFIG", "SET", "replica-priority", priority]).await;
        }
        let port = preferred.port().to_string();
        let learned = wait_for(FORMING, async || {
            for sentinel in &self.sentinels {
                let replicas: Vec<HashMap<String, String>> = ask(sentinel, "REPLICAS").await?;
                for replica in replicas {
                    let wanted = if replica.get("port") == Some(&port) { "1" } else { "100" };
                    let priority = replica.get("slave-priority").map(String::as_str);
                    if priority != Some(wanted) {
                        return Err(Missing::Yet(format!("a sentinel sees {replica:?}")));
                    }
                }
            }
            Ok(())
        });
        learned.await.unwrap_or_else(|why| panic!("no server is preferred: {why}{}", self.log_tails()));
    }

    /// Delays traffic between any two servers by this time, in each direction.
    ///
    /// # Panics
    /// The servers were started without proxies.
    pub fn delay(&self, by: Duration) {
        for server in &self.servers {
            self.servers.iter().for_each(|other| server.delay(other, by));
        }
    }

    fn others(&self, server: &Server) -> impl Iterator<Item = &Server> {
        let port = server.port();
        self.servers.iter().chain(&self.sentinels).filter(move |other| other.port() != port)
    }

    fn replica_of(&self, primary: &Server) -> Plan {
        self.plan.clone().and(&["--replicaof", "127.0.0.1", &primary.port().to_string()])
    }

    async fn announced(&self) -> Result<&Server, Missing> {
        let mut votes: HashMap<String, usize> = HashMap::new();
        for sentinel in self.sentinels.iter().filter(|sentinel| sentinel.is_running()) {
            let [_, port] = ask::<[String; 2]>(sentinel, "GET-MASTER-ADDR-BY-NAME").await?;
            *votes.entry(port).or_default() += 1;
        }
        let elected = votes.iter().find(|&(_, &count)| count >= MAJORITY).map(|(port, _)| port.clone());
        let found = elected.and_then(|port| self.servers.iter().find(|one| one.port().to_string() == port));
        found.ok_or_else(|| Missing::Yet(format!("no majority for one of our servers: {votes:?}")))
    }

    async fn look_whether_all_follow(&self, primary: &Server) -> Result<(), Missing> {
        for server in self.servers.iter().filter(|server| server.is_running()) {
            if server.port() != primary.port() {
                server.look_whether_it_is_in_step_with(primary).await?;
            }
        }
        let yet = |error: redis::RedisError| Missing::Yet(error.to_string());
        let info: String = primary.try_command(&["INFO", "replication"]).await.map_err(yet)?;
        match field(&info, "role") {
            Some("master") => Ok(()),
            _ => Err(Missing::Yet(format!("port {} is no primary: {info}", primary.port()))),
        }
    }

    async fn look_whether_all_know_all(&self) -> Result<(), Missing> {
        for sentinel in &self.sentinels {
            let yet = |what: String| Missing::Yet(format!("sentinel {}: {what}", sentinel.port()));
            let primary: HashMap<String, String> = ask(sentinel, "MASTER").await?;
            let wanted = [("flags", "master"), ("num-slaves", "2"), ("num-other-sentinels", "2")];
            let says = |name: &str| primary.get(name).map(String::as_str);
            if let Some((name, _)) = wanted.into_iter().find(|&(name, value)| says(name) != Some(value)) {
                return Err(yet(format!("{name} is {:?}", says(name))));
            }
            let replicas: Vec<HashMap<String, String>> = ask(sentinel, "REPLICAS").await?;
            let well = |replica: &HashMap<String, String>| {
                let says = |name: &str| replica.get(name).map(String::as_str);
                says("flags") == Some("slave") && says("master-link-status") == Some("ok")
            };
            if !replicas.iter().all(well) {
                return Err(yet(format!("it sees the replicas as {replicas:?}")));
            }
            ask::<String>(sentinel, "CKQUORUM").await?;
        }
        Ok(())
    }

    /// The initial primary.
    fn first(&self) -> &Server {
        self.servers.first().expect("the primary is started before anything else")
    }

    fn log_tails(&self) -> String {
        self.servers.iter().chain(&self.sentinels).map(Server::log_tail).collect()
    }
}

/// The initial configuration of a Sentinel, which discovers the rest.
fn watch(primary: u16) -> Vec<String> {
    [
        format!("sentinel monitor {SERVICE} 127.0.0.1 {primary} {MAJORITY}"),
        format!("sentinel down-after-milliseconds {SERVICE} 1000"),
        format!("sentinel failover-timeout {SERVICE} 5000"),
    ]
    .to_vec()
}

async fn ask<T: FromRedisValue>(sentinel: &Server, what: &str) -> Result<T, Missing> {
    let answer = sentinel.try_command(&["SENTINEL", what, SERVICE]).await;
    answer.map_err(|error| Missing::Yet(format!("sentinel {}: {what}: {error}", sentinel.port())))
}
